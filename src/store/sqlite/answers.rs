//! Answers wait here until their batch is durable: the one place that says so.
//!
//! Dropping an answer unsent is the refusal: the caller takes it for [`StoreError::Unavailable`].

use tokio::sync::oneshot;

use crate::domain::ledger::Recorded;
use crate::store::StoreError;

/// Where the answer of a step goes.
pub(super) type Reply<T, E = StoreError> = oneshot::Sender<Result<T, E>>;

/// The answers of one batch, held back until its commit.
#[derive(Default)]
pub(super) struct Answers(Vec<Box<dyn FnOnce() + Send>>);

impl Answers {
    /// Once durable: the value, on record at `index`.
    pub(super) fn recorded<T, E>(&mut self, reply: Reply<Recorded<T>, E>, value: T, index: u64)
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.recorded_as(reply, value, index, |recorded| recorded);
    }

    /// As [`Answers::recorded`], inside another type.
    pub(super) fn recorded_as<T, U, E>(
        &mut self,
        reply: Reply<U, E>,
        value: T,
        index: u64,
        wrap: fn(Recorded<T>) -> U,
    ) where
        T: Send + 'static,
        U: Send + 'static,
        E: Send + 'static,
    {
        self.0.push(Box::new(move || drop(reply.send(Ok(wrap(Recorded::assertion(value, index)))))));
    }

    /// What was found without writing. It too waits: it may rest on a step of the same batch.
    pub(super) fn found<T, E>(&mut self, reply: Reply<T, E>, found: Result<T, E>)
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.0.push(Box::new(move || drop(reply.send(found))));
    }

    /// Answers everyone. Call when the batch is durable, and only then.
    pub(super) fn settle(self) {
        for answer in self.0 {
            answer();
        }
    }
}
