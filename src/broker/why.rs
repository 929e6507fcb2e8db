//! Why a request would be allowed or refused, without making it: no use is counted, nothing is opened, no name is looked up, and nothing
//! is put on record. The same rules as for a request, over what stands now.

use std::fmt;

use serde_json::Value;

use super::connect::{host_item, host_of};
use super::teach::asking;
use super::{Broker, not_found, unavailable};
use crate::base::id::{AgentId, ApprovalId, RunId};
use crate::domain::access::{decide, nearest, smallest_item};
use crate::domain::approval::Approval;
use crate::domain::identity::Identity;
use crate::domain::principal::Agent;
use crate::domain::problem::Problem;
use crate::domain::run::{RunRecord, RunState, Rung};
use crate::domain::scope::{HttpTarget, NetworkTarget, ScopeItem, Target};
use crate::domain::token::{LiveToken, looks_like_token};
use crate::domain::upstream::{Slot, Upstream};
use crate::planes::network::forward_auth::Wanted;
use crate::planes::network::proxy::reason::Refused;
use crate::store::ApprovalQuery;

/// Who would make the request.
#[derive(Clone, Copy)]
pub enum Asker<'a> {
    /// An agent, with the tokens that it could have.
    Agent(AgentId),
    /// An agent, with this token.
    Token(&'a Agent, &'a str),
    /// A run; with the agent it has to be of, where an agent asks.
    Run(RunId, Option<AgentId>),
}

/// A token is in it: it prints as who asks.
impl fmt::Debug for Asker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(agent) => write!(f, "Agent({agent})"),
            Self::Token(agent, _) => write!(f, "Token({})", agent.id),
            Self::Run(run, _) => write!(f, "Run({run})"),
        }
    }
}

/// What the verdict would be, and what it would rest on.
#[derive(Debug, Default)]
pub struct Why {
    /// Whether it would be allowed.
    pub allowed: bool,
    /// Why, in a fixed word.
    pub reason: &'static str,
    /// The same in a sentence.
    pub detail: String,
    /// What would be judged, with query values masked.
    pub target: Option<String>,
    /// The upstream that governs it.
    pub upstream: Option<String>,
    /// The item that allows it.
    pub item: Option<ScopeItem>,
    /// The approval it is in.
    pub approval: Option<ApprovalId>,
    /// Whom the upstream would see.
    pub identity: Option<Identity>,
    /// What is missing, and the request that would ask for it.
    pub missing: Option<(Value, Value)>,
}

impl Why {
    fn refused(reason: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), ..Self::default() }
    }

    fn by(approval: &Approval, item: ScopeItem, detail: &str) -> Self {
        let statement = &approval.statement;
        Self {
            allowed: true,
            reason: "granted",
            detail: detail.to_owned(),
            item: Some(item),
            approval: Some(statement.approval),
            identity: Some(statement.identity.clone()),
            ..Self::default()
        }
    }

    fn without(self, missing: Option<&ScopeItem>, run: Option<RunId>, identity: Option<&Identity>) -> Self {
        Self { missing: missing.and_then(|missing| asking(missing, None, (run, identity))), ..self }
    }
}

impl From<Refused> for Why {
    fn from(refused: Refused) -> Self {
        Self::refused(refused.name(), refused.problem().detail)
    }
}

const EXCHANGE: &str = "Exchange the approval, and send the token in the upstream's slot.";
const PLACEHOLDER: &str = "Send the run's placeholder for this upstream and identity, or a token of this approval, in the upstream's slot.";
const BY_BODY: &str = "What was approved allows this with some bodies and not with others; send it to find out. `ask` is the request for any body.";
const NOTHING: &str = "Nothing that was approved allows this. `ask` is the request for what is missing.";

impl Broker {
    /// What would become of `method url`, were `asker` to send it.
    ///
    /// # Errors
    /// `not_found` for a run or an agent that is not there, or not the asker's to ask about.
    pub async fn why(&self, asker: Asker<'_>, (method, url): (&str, &str)) -> Result<Why, Problem> {
        let run = match asker {
            Asker::Run(id, of) => {
                let record = self.parts.store.run(id).await.map_err(unavailable)?;
                let owned = |record: &RunRecord| of.is_none_or(|agent| record.run.agent == agent);
                Some(record.filter(owned).ok_or_else(not_found)?)
            }
            Asker::Agent(id) => {
                self.catalog().agent(id).ok_or_else(not_found)?;
                None
            }
            Asker::Token(..) => None,
        };
        let wanted = match Wanted::read(url) {
            Ok(wanted) => wanted,
            Err(refused) => return Ok(refused.into()),
        };
        let Some(upstream) = self.catalog().upstream_at(wanted.origin()).cloned() else {
            return self.why_open(run.as_ref(), &wanted).await;
        };
        let target = match wanted.target(&upstream, method).and_then(|target| without_slot(target, &upstream))
        {
            Ok(target) => target,
            Err(refused) => return Ok(refused.into()),
        };
        let why = match (asker, &run) {
            (Asker::Token(agent, token), _) => self.why_token(agent, token, &target).await?,
            (Asker::Agent(agent), _) => self.why_granted(agent, None, &target).await?,
            (Asker::Run(..), Some(run)) => self.why_granted(run.run.agent, Some(run), &target).await?,
            (Asker::Run(..), None) => return Err(not_found()),
        };
        let why = self.still_there(why, &upstream);
        Ok(Why { target: Some(target.redacted()), upstream: Some(upstream.name.to_string()), ..why })
    }

    /// A host that no upstream governs.
    async fn why_open(&self, run: Option<&RunRecord>, wanted: &Wanted) -> Result<Why, Problem> {
        let origin = wanted.origin();
        let target = NetworkTarget::new(&origin.host, origin.port).ok().filter(|_| run.is_some());
        let (Some(run), Some(to)) = (run, target) else { return Ok(Refused::NOT_GOVERNED.into()) };
        let shown = Some(host_of(&to));
        let to = Target::Network(to);
        if let Some(why) = ended(run) {
            return Ok(Why { target: shown, ..why });
        }
        let started_with = run.run.network.iter().find(|item| item.allows(&to)).cloned();
        if let Some(item) = started_with.filter(|_| run.run.rung >= Rung::Networked) {
            let detail = "The run was started with this host open.".to_owned();
            let why = Why { allowed: true, reason: "granted", detail, item: Some(item), ..Why::default() };
            return Ok(Why { target: shown, ..why });
        }
        for approval in self.standing(run.run.agent, Some(run.run.id)).await? {
            if let Some(item) = allowing(&approval, &to) {
                return Ok(Why { target: shown, ..Why::by(&approval, item, "The host is open to the run.") });
            }
        }
        let missing = if let Target::Network(to) = &to { host_item(to) } else { None };
        let why = Why::from(Refused::NOT_GRANTED).without(missing.as_ref(), Some(run.run.id), None);
        Ok(Why { target: shown, detail: NOTHING.to_owned(), ..why })
    }

    /// By approvals: of a run its own, of an agent those that belong to no run.
    async fn why_granted(
        &self,
        agent: AgentId,
        run: Option<&RunRecord>,
        target: &HttpTarget,
    ) -> Result<Why, Problem> {
        if let Some(why) = run.and_then(ended) {
            return Ok(why);
        }
        let id = run.map(|run| run.run.id);
        let wanted = Target::Http(target.clone());
        let (mut used_up, mut by_body) = (None, false);
        for approval in self.standing(agent, id).await? {
            let items = approval.grant().into_iter().flat_map(|grant| &grant.items);
            by_body |= nearest(items, target).is_some();
            let Some(item) = allowing(&approval, &wanted) else { continue };
            if is_used_up(&approval) {
                used_up = Some(approval.statement.approval);
                continue;
            }
            return Ok(Why::by(&approval, item, if run.is_some() { PLACEHOLDER } else { EXCHANGE }));
        }
        // A placeholder was made for an identity that somebody chose; nothing else here was (I4).
        let mut stand_ins = run.into_iter().flat_map(|run| &run.run.stand_ins);
        let stand_in = stand_ins.find(|stand_in| &stand_in.upstream == target.upstream());
        let identity = stand_in.map(|stand_in| &stand_in.identity);
        let why = match used_up {
            Some(approval) => {
                let detail = "What was approved has no uses left. `ask` is the request for more.";
                Why { approval: Some(approval), ..Why::refused("used_up", detail) }
            }
            None if by_body => Why::refused("body_decides", BY_BODY),
            None => Why::refused("outside_scope", NOTHING),
        };
        Ok(why.without(smallest_item(target, identity).as_ref(), id, identity))
    }

    /// By a token of the agent's own.
    async fn why_token(&self, agent: &Agent, token: &str, target: &HttpTarget) -> Result<Why, Problem> {
        let not_accepted = |reason| Ok(Why::refused(reason, super::refusal::TOKEN_NOT_ACCEPTED));
        if !looks_like_token(token) {
            return not_accepted("foreign_credential");
        }
        let now = self.now();
        let token = self.signing().verifier.verify(token, now);
        let live = match token.and_then(|token| LiveToken::of(token, agent.id, now)) {
            Ok(live) => live,
            Err(problem) => return not_accepted(problem.reason()),
        };
        let (id, approval, run) = (live.token().id(), live.token().approval(), live.token().run());
        if run.is_some() {
            return not_accepted("other_run");
        }
        let approval =
            self.parts.store.approval(approval).await.map_err(unavailable)?.ok_or_else(not_found)?;
        if is_used_up(&approval) {
            return not_accepted("used_up");
        }
        let known = self.parts.store.token(id).await.map_err(unavailable)?;
        if !known.is_some_and(|known| known.live) {
            return not_accepted("not_live");
        }
        match decide(live, target.clone()) {
            // The permit goes no further: nothing is used.
            Ok(permit) => {
                let item = permit.token().items().get(permit.item()).cloned();
                let item = item.ok_or_else(not_found)?;
                Ok(Why::by(&approval, item, "The token allows this."))
            }
            Err(denial) => {
                let by_body = denial.lacks().is_some();
                let (reason, detail) =
                    if by_body { ("body_decides", BY_BODY) } else { ("outside_scope", NOTHING) };
                let why = Why::refused(reason, detail);
                Ok(why.without(denial.missing(), None, Some(denial.token().identity())))
            }
        }
    }

    /// What stands of what was granted, newest first.
    async fn standing(&self, agent: AgentId, run: Option<RunId>) -> Result<Vec<Approval>, Problem> {
        let query = ApprovalQuery { agent: Some(agent), run, current: true, ..ApprovalQuery::default() };
        let mut found = self.parts.store.approvals(query).await.map_err(unavailable)?;
        found.retain(|approval| {
            approval.statement.run == run && matches!(approval.state_name(self.now()), "approved" | "spent")
        });
        Ok(found)
    }

    /// The credential may be gone although the approval stands.
    fn still_there(&self, why: Why, upstream: &Upstream) -> Why {
        let catalog = self.catalog();
        match &why.identity {
            Some(identity) if why.allowed && catalog.credential(upstream.id, identity).is_none() => {
                Why::refused("stale", "The upstream has no credential of this identity any more.")
            }
            _ => why,
        }
    }
}

/// The item of what was granted that allows this.
fn allowing(approval: &Approval, target: &Target) -> Option<ScopeItem> {
    let of_statement =
        |item: &&ScopeItem| item.identity().is_none_or(|identity| identity == &approval.statement.identity);
    approval.grant()?.items.iter().filter(of_statement).find(|item| item.allows(target)).cloned()
}

fn is_used_up(approval: &Approval) -> bool {
    approval.grant().is_none_or(|grant| grant.uses >= approval.statement.limits.max_uses)
}

fn ended(run: &RunRecord) -> Option<Why> {
    let over = matches!(run.state, RunState::Ended { .. });
    over.then(|| Why::refused("run_has_ended", "The run has ended, and what was granted to it with it."))
}

/// A token in the query is not judged; where none is, the request is judged as it would be with one.
fn without_slot(target: HttpTarget, upstream: &Upstream) -> Result<HttpTarget, Refused> {
    let Slot::Query { name } = &upstream.slot else { return Ok(target) };
    let query = target.path_and_query().split_once('?').map(|(_, query)| query.to_owned());
    let mut pairs = query.iter().flat_map(|query| query.split('&'));
    let named = |pair: &str| pair.split('=').next().is_some_and(|found| found.eq_ignore_ascii_case(name));
    if !pairs.any(named) {
        return Ok(target);
    }
    target.without_query(name).map(|(target, _)| target).map_err(|_| Refused::NOT_IN_FORM)
}
