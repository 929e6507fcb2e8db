//! Phase 5 and the thread through those after it: one request of a conversation, from its verdict to its answer.
//!
//! Each request is decided by itself, whatever was decided before it on the same connection (C04, C05).

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use tokio_util::sync::CancellationToken;

use super::carried::{self, Switch};
use super::destination::{Destination, Goal};
use super::fit::{Fit, fit};
use super::forward::{self, ForwardError};
use super::gate::{Asked, Attempt, Caller};
use super::head::Head;
use super::inspect::Inspection;
use super::mask::Masking;
use super::outgoing::Outgoing;
use super::place::Placement;
use super::pool::Key;
use super::reason::Refused;
use super::record::{self, ActiveUse, Metered};
use super::respond::{self, Reply};
use super::slot;
use super::verdicts::{Turn, Verdicts};
pub(super) use super::way::Way;
use super::way::{in_the_clear, in_tunnel, path};
use super::{Proxy, clear, hop, identify, inside, stream, target, upgrade};
use crate::base::secret::Secret;
use crate::domain::problem::Problem;
use crate::domain::upstream::Slot;

/// The requests of one connection, or the one of a stream.
pub(super) struct Conversation {
    proxy: Arc<Proxy>,
    verdicts: Verdicts,
    way: Arc<Way>,
    closing: CancellationToken,
    /// Whether it is a stream of HTTP/2.
    is_stream: bool,
    /// What comes after the last answer, if anything does.
    switched: Mutex<Option<Switch>>,
}

impl Conversation {
    pub(super) fn new(proxy: Arc<Proxy>, verdicts: Verdicts, way: Way) -> Self {
        let (way, closing) = (Arc::new(way), CancellationToken::new());
        Self { proxy, verdicts, way, closing, is_stream: false, switched: Mutex::default() }
    }

    /// The conversation of one stream, which `closing` ends.
    pub(super) fn of_stream(
        proxy: Arc<Proxy>,
        way: Arc<Way>,
        closing: CancellationToken,
        request: &Request<Incoming>,
    ) -> Arc<Self> {
        let verdicts = Verdicts::default();
        verdicts.push(stream::read(request, !request.body().is_end_stream()));
        Arc::new(Self { proxy, verdicts, way, closing, is_stream: true, switched: Mutex::default() })
    }

    /// Resolves when a use was cut and the connection has to go.
    pub(super) async fn cut(&self) {
        self.closing.cancelled().await;
    }

    /// What cuts what comes after.
    pub(super) fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// What was switched to.
    pub(super) fn switched(&self) -> Option<Switch> {
        self.switched.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Answers one request.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Reply>, Infallible> {
        let counters = &self.proxy.counters;
        counters.requests.one_more();
        let (verdict, turn) = self.verdicts.next();
        Ok(self.exchange(verdict, turn, request).await.unwrap_or_else(|problem| {
            counters.refused.one_more();
            respond::problem(&problem)
        }))
    }

    async fn exchange(
        &self,
        verdict: Result<Head, Refused>,
        turn: Turn,
        mut request: Request<Incoming>,
    ) -> Result<Response<Reply>, Problem> {
        if let (Way::Run(_), Ok(head)) = (&*self.way, &verdict)
            && inside::is_meant(&head.target)
        {
            let caller = self.caller(request.headers()).await?;
            return inside::answer(&self.proxy, caller, (head, path(&head.target)), request).await;
        }
        let (head, caller, goal) = self.place(verdict, request.headers()).await?;
        let destination = match goal {
            Goal::Governed(destination) => destination,
            Goal::Open(host) => {
                let (from, asked) = ((&self.proxy, &caller, &host), (&head, path(&head.target)));
                return clear::send(from, asked, request, (self.closing.clone(), turn)).await;
            }
        };
        let client = head.socket.then(|| hyper::upgrade::on(&mut request));
        let (mut parts, body) = request.into_parts();
        let takes_trailers = parts.headers.contains_key(header::TE);
        let fit = self.fit((&head, &caller, &destination), &mut parts.headers).await?;
        let agent = caller.agent;
        let body = Inspection::of((&self.proxy, &self.verdicts), head.framing, &parts.headers, body);
        let asked = Asked {
            caller,
            upstream: Arc::clone(&destination.upstream),
            target: fit.target.clone(),
            token: fit.token,
            address: destination.addresses.first(),
            body: Arc::<Inspection>::clone(&body),
        };
        let admitted = match self.proxy.parts.gate.admit(asked).await {
            Ok(admitted) => admitted,
            Err(problem) if fit.target.is_git_push() => return body.told(problem).await,
            Err(problem) => return Err(problem),
        };
        let active = ActiveUse::begin(Arc::clone(&self.proxy), &admitted, self.closing.clone());
        let slot = &destination.upstream.slot;
        let placement =
            Placement::new(slot, &admitted.credential, &fit.user, &fit.target).map_err(|refused| {
                active.broke(record::NOT_PLACEABLE);
                refused.problem()
            })?;
        let body = body.payload().await.map_err(|refused| {
            active.broke(record::REQUEST_BROKE);
            refused.problem()
        })?;
        let body = Outgoing::new(body, active.tally());
        let mut outgoing = Request::new(if self.is_stream {
            let (limits, closing) = (self.proxy.settings.limits, self.closing.clone());
            body.of_stream((slot::header_of(slot), takes_trailers), (limits, closing))
        } else {
            body
        });
        *outgoing.method_mut() = head.method;
        *outgoing.uri_mut() = fit.uri;
        if client.is_some() {
            upgrade::ask(&mut parts.headers);
        }
        *outgoing.headers_mut() = parts.headers;
        let key = Key {
            origin: destination.origin.clone(),
            upstream: (destination.upstream.id, destination.upstream.version),
            credential: admitted.credential_version,
            user: fit.user,
            agent,
            alone: client.is_some() || matches!(slot, Slot::Query { .. }),
        };
        let secrets = (admitted.credential, admitted.client_key);
        self.forward((&destination, key, secrets), (outgoing, placement), (active, turn), client).await
    }

    /// Who asks, and where: by the tunnel, or by the request itself.
    async fn place(
        &self,
        verdict: Result<Head, Refused>,
        headers: &HeaderMap,
    ) -> Result<(Head, Caller, Goal), Problem> {
        match &*self.way {
            Way::Tunnel { caller, destination } => {
                match verdict.and_then(|head| in_tunnel(head, &destination.origin)) {
                    Ok(head) => Ok((head, caller.clone(), Goal::Governed(destination.clone()))),
                    Err(refused) => {
                        Err(self.proxy.parts.gate.refuse(destination.attempt(caller), refused).await)
                    }
                }
            }
            Way::Plain | Way::Run(_) => {
                let gate = &self.proxy.parts.gate;
                let head = match verdict {
                    Ok(head) => head,
                    Err(refused) => return Err(self.unreadable(refused).await),
                };
                let caller = self.caller(headers).await?;
                let origin = match in_the_clear(&head) {
                    Ok(origin) => origin,
                    Err(refused) => {
                        let attempt = Attempt { caller, origin: None, upstream: None, target: None };
                        return Err(gate.refuse(attempt, refused).await);
                    }
                };
                let goal = Goal::find(&self.proxy, &caller, origin).await?;
                Ok((head, caller, goal))
            }
        }
    }

    /// Refuses a head that could not be read. A run is known by its socket; anybody else had no say who they are.
    async fn unreadable(&self, refused: Refused) -> Problem {
        let gate = &self.proxy.parts.gate;
        match &*self.way {
            Way::Run(caller) => {
                let attempt = Attempt { caller: caller.clone(), origin: None, upstream: None, target: None };
                gate.refuse(attempt, refused).await
            }
            Way::Plain | Way::Tunnel { .. } => gate.refuse_stranger(refused).await,
        }
    }

    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let keys = headers.get_all(header::PROXY_AUTHORIZATION).into_iter().map(HeaderValue::as_bytes);
        identify::caller(&self.proxy, &self.way, keys).await
    }

    /// Makes the target, takes out what ends here and the token, and leaves in `headers` what may go on.
    async fn fit(
        &self,
        (head, caller, destination): (&Head, &Caller, &Destination),
        headers: &mut HeaderMap,
    ) -> Result<Fit, Problem> {
        let attempt = destination.attempt(caller);
        let gate = &self.proxy.parts.gate;
        let target = match target::target(destination, &head.method, path(&head.target)) {
            Ok(target) => target,
            Err(refused) => return Err(gate.refuse(attempt, refused).await),
        };
        match fit(head, destination, target.clone(), headers) {
            Ok(fit) => Ok(fit),
            Err(refused) => {
                let problem = gate.refuse(Attempt { target: Some(target), ..attempt }, refused).await;
                let basic = matches!(destination.upstream.slot, Slot::Basic { .. });
                // As git does, cargo keeps its token back until it is asked.
                let keeps_back = basic || headers.contains_key("cargo-protocol");
                let challenged = keeps_back && refused == Refused::NO_TOKEN;
                Err(if challenged { respond::challenge(problem) } else { problem })
            }
        }
    }

    async fn forward(
        &self,
        (destination, key, (credential, client_key)): (&Destination, Key, (Secret, Option<Secret>)),
        request: (Request<Outgoing>, Placement),
        (active, turn): (ActiveUse, Turn),
        client: Option<OnUpgrade>,
    ) -> Result<Response<Reply>, Problem> {
        let to = (destination, client_key.as_ref());
        match forward::forward(&self.proxy, to, key, request, client.is_some()).await {
            Ok(mut response) => {
                drop(client_key);
                active.answered(response.status());
                let upstream = hyper::upgrade::on(&mut response);
                let (mut parts, body) = response.into_parts();
                let masking = Masking::of(&mut parts, credential, &destination.upstream, &active)?;
                hop::strip_response(&mut parts.headers);
                // The version is this hop's own, not the upstream's (RFC 9112 §2.3).
                parts.version = Version::HTTP_11;
                if let (StatusCode::SWITCHING_PROTOCOLS, Some(client)) = (parts.status, client) {
                    self.verdicts.switch();
                    let masking = masking.over_socket(&active.tally());
                    let switch = Switch { client, upstream, masking, active };
                    *self.switched.lock().unwrap_or_else(PoisonError::into_inner) = Some(switch);
                    return Ok(carried::answer(parts));
                }
                let tally = active.tally();
                let body = Metered::new(body, active, turn, self.is_stream);
                Ok(Response::from_parts(parts, masking.over(body, tally)))
            }
            Err(error) => Err(self.broke(&active, &error).problem()),
        }
    }

    /// Says what broke, on record and to the agent.
    fn broke(&self, active: &ActiveUse, error: &ForwardError) -> Refused {
        if let Some(refused) = self.verdicts.in_body() {
            active.broke(record::REQUEST_BROKE);
            return refused;
        }
        tracing::info!(error = error as &dyn std::error::Error, "a use broke");
        match error {
            ForwardError::Dial(_) => active.broke(record::UNREACHABLE),
            // The request's own body failed: the client left.
            ForwardError::Http(error) if error.is_user() => {}
            ForwardError::Http(_) | ForwardError::Closed | ForwardError::Switched => {
                active.broke(record::UPSTREAM_BROKE);
            }
        }
        Refused::UNREACHABLE
    }
}
