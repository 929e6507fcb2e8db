//! `exeat decider`: decides for Anthropic's sandbox-runtime (`srt proxy`), as a layer.

use std::ffi::OsString;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use clap::Args;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::failure::{Exit, Failure};
use super::output::{Output, inert};
use super::settings::LayerSide;
use crate::domain::layer::LayerForm;
use crate::domain::upstream::Origin;
use crate::edges::client::{LayerClient, Question, Verdict};
use crate::edges::wire::LayerMe;
use crate::planes::network::decider::{Held, Placing, Said, Violation, deny, hello, next};

/// Questions under way at a time; more wait to be read.
const MOST: usize = 256;

/// Decide for Anthropic's sandbox-runtime: speak its decider protocol on standard input and output, or with the proxy that is started
/// after `--`.
///
/// Each request that the proxy holds becomes a question to Exeat, as of the layer whose key is in EXEAT_LAYER_KEY (`--form forwarded`).
/// When this command ends, `srt proxy` ends too, and lets nothing through.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat decider -- srt proxy --listen 127.0.0.1:8899 --decider-fd 0 --ca-fd 3 3<ca.pem
  exeat decider                    on its own standard input and output, for a host that starts `srt proxy --decider-fd` itself")]
pub(crate) struct Decider {
    /// The proxy and its arguments. Its standard input and output are one socket, on which the protocol is spoken.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
    #[command(flatten)]
    side: LayerSide,
}

/// One upstream that may be asked about.
struct Asked {
    origins: Vec<Origin>,
    placing: Placing,
}

/// What the conversation is led with.
struct Desk {
    client: LayerClient,
    upstreams: Vec<Asked>,
}

type Frame = Zeroizing<Vec<u8>>;

impl Decider {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let client = self.side.client()?;
        let desk = Desk::new(client.me().await?, client, output)?;
        let Some((program, arguments)) = self.command.split_first() else {
            desk.converse(end(std::io::stdin().as_fd())?, end(std::io::stdout().as_fd())?).await?;
            return Ok(Exit::Done);
        };
        // One socket for both directions: that is what the proxy can read and write by one descriptor.
        let (ours, theirs) = UnixStream::pair()?;
        let (from, to) = (OwnedFd::from(theirs.try_clone()?), OwnedFd::from(theirs));
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).stdin(from).stdout(to).kill_on_drop(true);
        // The key is this process's alone.
        command.env_remove("EXEAT_LAYER_KEY");
        let what = format!("cannot start {}", inert(&program.to_string_lossy()));
        let mut child = command.spawn().map_err(|error| Failure::because(&what, &error))?;
        // Only the proxy keeps its end, so that it is heard when it goes.
        drop(command);
        ours.set_nonblocking(true)?;
        let (from, to) = tokio::net::UnixStream::from_std(ours)?.into_split();
        desk.converse(from, to).await?;
        let ended = child.wait().await?;
        Ok(ended.code().and_then(|code| u8::try_from(code).ok()).map_or(Exit::Failed, Exit::Of))
    }
}

impl Desk {
    fn new(me: LayerMe, client: LayerClient, output: Output) -> Result<Self, Failure> {
        if me.form != LayerForm::Forwarded {
            let what = format!("the layer {} was enrolled with another form", me.name);
            return Err(Failure::usage(what).with_remedy("exeat layer add NAME --form forwarded …"));
        }
        let mut upstreams = Vec::new();
        for upstream in me.upstreams {
            match Placing::of(&upstream.slot, &upstream.origins) {
                Some(placing) => upstreams.push(Asked { origins: upstream.origins, placing }),
                None => output.remark(&format!(
                    "{}: srt has no way to fill the slot {}; it is not reached this way",
                    upstream.name, upstream.slot
                )),
            }
        }
        Ok(Self { client, upstreams })
    }

    /// Answers until the proxy goes. What it says that is not known ends it.
    async fn converse(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> Result<(), Failure> {
        let (mut read, mut begun, mut last) = (Vec::new(), false, 0);
        let mut under_way = FuturesUnordered::new();
        let mut chunk = vec![0; 16 * 1024];
        loop {
            while under_way.len() < MOST
                && let Some(frame) = next(&mut read).map_err(broken)?
            {
                match Said::read(&frame).map_err(broken)? {
                    Said::Hello { .. } if !begun => {
                        begun = true;
                        let origins = self.upstreams.iter().flat_map(|upstream| &upstream.origins);
                        write(&mut to, &hello(origins).map_err(broken)?).await?;
                    }
                    Said::Req(held) if begun && held.id > last => {
                        last = held.id;
                        under_way.push(self.decide(held));
                    }
                    Said::Hello { .. } | Said::Req(_) => {
                        return Err(Failure::new("the proxy broke the decider protocol: out of order"));
                    }
                }
            }
            tokio::select! {
                Some(frame) = under_way.next() => write(&mut to, &frame?).await?,
                taken = from.read(&mut chunk), if under_way.len() < MOST => match taken? {
                    0 => return Ok(()),
                    length => read.extend_from_slice(chunk.get(..length).unwrap_or_default()),
                },
            }
        }
    }

    async fn decide(&self, held: Held) -> Result<Frame, Failure> {
        let refuse = |status, why: &str| deny(held.id, status, why).map_err(broken);
        let here = |origin: &&Origin, asked: &&Asked| asked.origins.contains(origin);
        let origins = self.upstreams.iter().flat_map(|upstream| &upstream.origins);
        let origin = match held.origin(origins) {
            Ok(origin) => origin,
            Err(why) => return refuse(403, why),
        };
        let Some(asked) = self.upstreams.iter().find(|asked| here(&origin, asked)) else {
            return refuse(403, "no upstream of this layer is there");
        };
        let Some(headers) = held.question() else { return refuse(400, "a header has more than one reading") };
        let path = held.target();
        let question = Question { method: &held.method, origin, path: &path, headers };
        match self.client.ask(question).await {
            Ok(Verdict::Allowed(answer)) => match asked.placing.allow(held.id, &answer) {
                Ok(frame) => Ok(frame),
                Err(_) => refuse(502, "the credential cannot be handed over in this slot"),
            },
            Ok(Verdict::Refused(document)) => {
                let status =
                    if document.get("status").and_then(Value::as_u64) == Some(401) { 401 } else { 403 };
                refuse(status, &reason(&document))
            }
            Err(error) => {
                super::output::note(&format!("no verdict: {}\n", Failure::from(error).what()));
                refuse(503, "Exeat cannot decide now, so nothing was let through. Try again.")
            }
        }
    }
}

/// What the client may read: the refusal, and how to ask for what is missing.
fn reason(document: &Value) -> String {
    let text = |at: &str| document.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let mut said = format!("{} {}", text("/title"), text("/detail"));
    if !text("/ask/command").is_empty() {
        said = format!("{} {}", text("/title"), text("/ask/command"));
    }
    inert(&said)
}

/// One end of the conversation, whatever kind of file it is.
fn end(fd: BorrowedFd<'_>) -> std::io::Result<tokio::fs::File> {
    Ok(tokio::fs::File::from_std(std::fs::File::from(fd.try_clone_to_owned()?)))
}

fn broken(violation: Violation) -> Failure {
    Failure::new(violation.to_string())
}

async fn write(to: &mut (impl AsyncWrite + Unpin), frame: &Frame) -> Result<(), Failure> {
    to.write_all(frame).await?;
    Ok(to.flush().await?)
}
