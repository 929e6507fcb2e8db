//! What the guard found out about each head, handed to the phases in the order of the requests.
//!
//! hyper serves the requests of one connection one after the other and in order, so the n-th call of the service belongs
//! to the n-th verdict. A call without a verdict is refused.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::head::Head;
use super::reason::Refused;

/// The verdicts of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdicts(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Result<Head, Refused>>,
    /// Requests whose response is not finished.
    open: usize,
    /// What was wrong inside a body.
    in_body: Option<Refused>,
    /// Whether another protocol comes now, once that is known.
    switches: Option<bool>,
    waiting_to_switch: Option<Waker>,
}

impl Verdicts {
    pub(super) fn push(&self, verdict: Result<Head, Refused>) {
        let mut inner = self.lock();
        inner.waiting.push_back(verdict);
        inner.open += 1;
    }

    /// The verdict on the next request. The turn is to be kept until its response has left.
    pub(super) fn next(&self) -> (Result<Head, Refused>, Turn) {
        let verdict = self.lock().waiting.pop_front().unwrap_or(Err(Refused::ambiguous("not_judged")));
        let socket = verdict.as_ref().is_ok_and(|head| head.socket);
        (verdict, Turn { verdicts: self.clone(), socket })
    }

    /// Whether a response is still on its way.
    pub(super) fn is_busy(&self) -> bool {
        self.lock().open > 0
    }

    pub(super) fn refuse_body(&self, refused: Refused) {
        self.lock().in_body = Some(refused);
    }

    /// What was wrong inside the body of the current request.
    pub(super) fn in_body(&self) -> Option<Refused> {
        self.lock().in_body
    }

    /// Another protocol comes now.
    pub(super) fn switch(&self) {
        self.lock().decide_switch(true);
    }

    /// Whether another protocol comes after the head that asked for it. Known when it was answered.
    pub(super) fn poll_switches(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut inner = self.lock();
        if let Some(switches) = inner.switches.take() {
            return Poll::Ready(switches);
        }
        inner.waiting_to_switch = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn decide_switch(&mut self, switches: bool) {
        self.switches.get_or_insert(switches);
        if let Some(waker) = self.waiting_to_switch.take() {
            waker.wake();
        }
    }
}

/// One request between its head and the end of its response.
#[derive(Debug)]
pub(super) struct Turn {
    verdicts: Verdicts,
    /// Whether it asks for another protocol.
    socket: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut inner = self.verdicts.lock();
        inner.open = inner.open.saturating_sub(1);
        // Whoever has not switched by now does not; perhaps nobody has come to ask yet.
        if self.socket {
            inner.decide_switch(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::head;
    use super::*;

    const ASKS: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    #[test]
    fn whether_a_protocol_follows_is_known_whoever_comes_first() {
        let mut cx = Context::from_waker(Waker::noop());
        for (asks_first, switches) in [(false, false), (true, false), (false, true), (true, true)] {
            let verdicts = Verdicts::default();
            verdicts.push(head::check(ASKS));
            let (_, turn) = verdicts.next();
            if asks_first {
                assert!(verdicts.poll_switches(&mut cx).is_pending());
            }
            if switches {
                verdicts.switch();
            }
            drop(turn);
            assert_eq!(verdicts.poll_switches(&mut cx), Poll::Ready(switches));
        }
    }
}
