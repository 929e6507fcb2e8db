//! Between the upstream's answer and the agent: the credential is masked wherever the answer repeats it (E02, E03, E04).
//!
//! The secret is kept until the answer has ended and is wiped in the same poll. What is asked of the upstream is to pack nothing and
//! to send all of it; what it packs all the same is unpacked here, and what cannot be read is refused.

mod body;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::response::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use hyper::ext::ReasonPhrase;

use self::body::Masked;
use super::reason::Refused;
use super::record::{self, ActiveUse, Tally};
use super::respond::Reply;
use super::socket_mask::SocketMask;
use super::unpack::{Coding, Unpacking};
use crate::base::secret::Secret;
use crate::domain::problem::Problem;
use crate::domain::upstream::Upstream;
use crate::planes::network::scrub::{self, Needle, Scrubber};

/// What is said of an answer's bytes as they were packed.
const OF_PACKED: [HeaderName; 6] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
];

/// What asks for an answer that cannot be searched: a part of it, whose border could cut a secret in two, one that is packed in a way of
/// its own (RFC 3229 §10.5.3), or one in letters of another kind.
const NOT_ASKED: [HeaderName; 4] =
    [header::RANGE, header::IF_RANGE, HeaderName::from_static("a-im"), header::ACCEPT_CHARSET];

/// Asks for an answer that can be searched.
pub(super) fn prepare(headers: &mut HeaderMap) {
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for name in NOT_ASKED {
        headers.remove(name);
    }
}

/// How one answer is masked.
pub(super) struct Masking {
    needle: Arc<Needle>,
    coding: Option<Coding>,
    is_event_stream: bool,
    masked: u64,
}

impl Masking {
    /// Masks the head of an answer. Before anything is taken from it.
    ///
    /// # Errors
    /// When the body cannot be searched; that is on record then.
    pub(super) fn of(
        parts: &mut Parts,
        credential: Secret,
        upstream: &Upstream,
        active: &ActiveUse,
    ) -> Result<Self, Problem> {
        Self::made(parts, credential, upstream).map_err(|refused| {
            active.broke(record::UNREADABLE);
            refused.problem()
        })
    }

    fn made(parts: &mut Parts, credential: Secret, upstream: &Upstream) -> Result<Self, Refused> {
        let headers = &mut parts.headers;
        let mut framed = headers.get_all(header::TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes);
        if framed.next().is_some_and(|one| !one.eq_ignore_ascii_case(b"chunked")) || framed.next().is_some() {
            return Err(Refused::CODING);
        }
        // Manipulated although nobody asked for it (RFC 3229 §10.5.2).
        if headers.contains_key("im") {
            return Err(Refused::CODING);
        }
        let coding = Coding::of(headers)?;
        let is_event_stream = headers.get(header::CONTENT_TYPE).is_some_and(is_event_stream);
        if coding.is_some() {
            unpacked(headers);
        }
        if upstream.cookies.are_dropped() {
            headers.remove(header::SET_COOKIE);
            headers.remove("set-cookie2");
        }
        let needle = Arc::new(Needle::new(credential));
        let mut masked = mask_fields(&needle, headers);
        let reason = parts.extensions.get::<ReasonPhrase>().map(ReasonPhrase::as_bytes);
        if reason.is_some_and(|reason| scrub::masked(&needle, reason).is_some()) {
            parts.extensions.remove::<ReasonPhrase>();
            masked += 1;
        }
        Ok(Self { needle, coding, is_event_stream, masked })
    }

    /// What comes after a 101, masked.
    pub(super) fn over_socket(self, tally: &Tally) -> SocketMask {
        tally.masked(self.masked);
        SocketMask::new(self.needle)
    }

    /// The body, masked. `tally` is told how often.
    pub(super) fn over<B>(self, body: B, tally: Arc<Tally>) -> Reply
    where
        B: Body<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static,
    {
        tally.masked(self.masked);
        let unpacking = self.coding.filter(|_| !body.is_end_stream()).map(Unpacking::new);
        let scrubber = match (self.is_event_stream, &unpacking, body.size_hint().exact()) {
            (true, ..) => Scrubber::events(self.needle),
            (false, None, Some(_)) => Scrubber::whole(self.needle),
            (false, ..) => Scrubber::live(self.needle),
        };
        Masked::new(body, unpacking, scrubber, tally).boxed_unsync()
    }
}

/// The head of what was packed and no longer is (RFC 9110 §7.7, §8.8.1): what was said of its bytes is gone, and its tag is weak.
fn unpacked(headers: &mut HeaderMap) {
    for name in OF_PACKED {
        headers.remove(name);
    }
    let Some(tag) = headers.get(header::ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")) else {
        return;
    };
    let weak = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat());
    match weak {
        Ok(weak) => drop(headers.insert(header::ETAG, weak)),
        Err(_) => drop(headers.remove(header::ETAG)),
    }
}

fn is_event_stream(value: &HeaderValue) -> bool {
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// Masks header or trailer fields; gives how many. One that cannot stand any more is dropped.
fn mask_fields(needle: &Needle, fields: &mut HeaderMap) -> u64 {
    let mut masked = 0;
    let mut gone: Vec<HeaderName> = Vec::new();
    for (name, value) in fields.iter_mut() {
        let is_in_name = needle.is_in_name(name.as_str());
        let text = scrub::masked(needle, value.as_bytes());
        masked += u64::from(is_in_name || text.is_some());
        match text.map(|text| HeaderValue::from_bytes(&text)) {
            Some(Ok(text)) => *value = text,
            Some(Err(_)) => gone.push(name.clone()),
            None => {}
        }
        if is_in_name {
            gone.push(name.clone());
        }
    }
    for name in gone {
        fields.remove(name);
    }
    masked
}
