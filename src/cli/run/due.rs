//! Why a command has to end before it ends by itself.

use std::pin::Pin;

use tokio::sync::mpsc;
use tokio::time::Sleep;

use super::ledger::Kept;
use super::widen::Amiss;
use crate::domain::widening::KeeperLine;

/// Why a command has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Its time is up.
    TimeUp,
    /// The broker ended the run, or is gone.
    OverForBroker,
    /// What is open to it is not what is granted.
    Amiss(Amiss),
}

impl Due {
    /// For the person at the terminal.
    pub(super) const fn said(self) -> &'static str {
        match self {
            Self::TimeUp => "exeat: its time is up\n",
            Self::Amiss(Amiss::HalfOpen) => {
                "exeat: what was granted could be opened only in part, and not closed again; the command is ended\n"
            }
            Self::Amiss(Amiss::StaysOpen) => {
                "exeat: what was granted has ended, and the command keeps files open for writing; it is ended\n"
            }
            Self::OverForBroker => "exeat: Exeat has ended the run, or is gone; the command is ended too\n",
        }
    }
}

/// Resolves when the command has to end, and again when it did not. Meanwhile what the broker says is passed on, and
/// done once the walls stand.
pub(super) async fn has_to_end(
    deadline: &mut Pin<&mut Sleep>,
    (kept, orders): (&mut Kept, &mpsc::UnboundedSender<KeeperLine>),
    (widening, stands): (&mut Pin<&mut impl Future<Output = Result<(), Amiss>>>, bool),
    due: Option<Due>,
) -> Due {
    loop {
        tokio::select! {
            () = deadline.as_mut() => return Due::TimeUp,
            line = kept.next(), if due.is_none() => match line {
                Some(line) => drop(orders.send(line)),
                None => return Due::OverForBroker,
            },
            Err(amiss) = widening.as_mut(), if stands && due.is_none() => return Due::Amiss(amiss),
        }
    }
}
