//! Pushes of git: the ref updates are read before anything is sent, the pack behind them streams; a refused push gets an answer that git
//! shows to whoever pushed (gitprotocol-pack(5), "Report Status").

use std::convert::Infallible;
use std::io;

use bytes::{Bytes, BytesMut};
use gix_packetline::Channel;
use gix_packetline::blocking_io::encode::{band_to_write, data_to_write, flush_to_write};
use http::header::{self, HeaderMap, HeaderValue};
use http::{HeaderName, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::Value;

use super::inspect::refused;
use super::reason::Refused;
use super::respond::Reply;
use crate::domain::problem::Problem;
use crate::domain::scope::{BodyFault, Push};

/// What git labels a push with. Upstreams take no other label.
const REQUEST: &[u8] = b"application/x-git-receive-pack-request";
const RESULT: HeaderValue = HeaderValue::from_static("application/x-git-receive-pack-result");
/// How much one packet of a side band is given, in bytes and in characters: it holds 65,515 bytes.
const PIECE: usize = 16_000;

/// Whether the body is labelled as a push.
pub(super) fn is_labelled(content_type: &[HeaderValue]) -> bool {
    matches!(content_type, [only] if only.as_bytes() == REQUEST)
}

/// Reads as much of a body as says which refs it changes. More of it may have come with that.
pub(super) async fn begin(body: &mut Incoming, limit: usize) -> Result<(Bytes, Push), Refused> {
    let (mut begun, mut again_at) = (BytesMut::new(), 0);
    loop {
        let frame = body.frame().await;
        let ended = frame.is_none();
        if let Some(frame) = frame {
            let frame = frame.map_err(|_| Refused::BODY_BROKE)?;
            begun.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
        // Not after every byte of those who send single ones.
        if ended || begun.len() >= again_at {
            again_at = begun.len() + begun.len() / 4;
            if let Some(push) = Push::read(&begun).map_err(refused)? {
                return Ok((begun.freeze(), push));
            }
        }
        if ended {
            return Err(refused(BodyFault::Push));
        }
        if begun.len() > limit {
            return Err(Refused::BODY_TOO_LONG);
        }
    }
}

/// The refusal as git reads it. `None` when the client takes no report.
pub(super) fn report(push: &Push, problem: &Problem) -> Option<Response<Reply>> {
    let reports = push.has("report-status") || push.has("report-status-v2");
    if !reports || push.updates().is_empty() {
        return None;
    }
    let body = Bytes::from(written(push, problem).ok()?);
    let body = Full::new(body).map_err(|never: Infallible| match never {});
    let mut response = Response::new(body.boxed_unsync());
    let fields: [(HeaderName, HeaderValue); 2] =
        [(header::CONTENT_TYPE, RESULT), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    *response.headers_mut() = HeaderMap::from_iter(fields);
    Some(response)
}

fn written(push: &Push, problem: &Problem) -> io::Result<Vec<u8>> {
    let mut report = Vec::new();
    data_to_write(b"unpack ok\n", &mut report)?;
    for update in push.updates() {
        data_to_write(format!("ng {} refused by Exeat\n", update.name).as_bytes(), &mut report)?;
    }
    flush_to_write(&mut report)?;
    if !push.has("side-band-64k") {
        return Ok(report);
    }
    let mut banded = Vec::new();
    for line in told(problem) {
        let short: String = line.chars().take(PIECE).collect();
        band_to_write(Channel::Progress, format!("{short}\n").as_bytes(), &mut banded)?;
    }
    for piece in report.chunks(PIECE) {
        band_to_write(Channel::Data, piece, &mut banded)?;
    }
    flush_to_write(&mut banded)?;
    Ok(banded)
}

/// For the person who pushed.
fn told(problem: &Problem) -> Vec<String> {
    let lacks = problem.more.get("body").and_then(Value::as_str);
    let command = problem.more.get("ask").and_then(|ask| ask.get("command")).and_then(Value::as_str);
    let mut lines = vec![format!("Exeat: {} Nothing of the push was sent.", problem.kind.title())];
    lines.extend(lacks.map(|lacks| format!("Exeat: it lacks {lacks}")));
    lines.extend(command.map(|command| format!("Exeat: to ask for it: {command}")));
    lines
}
