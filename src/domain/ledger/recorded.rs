//! The proof that something stands in the ledger.

/// A `T` whose entry is durable, at this index.
///
/// Only a store makes one, after its commit: `grep Recorded::assertion` lists every place (`tests/architecture.rs`
/// keeps it to one). What must not happen before it is on record takes a `Recorded<…>` as its argument.
#[derive(Debug)]
pub struct Recorded<T> {
    value: T,
    index: u64,
}

impl<T> Recorded<T> {
    /// States that the entry of `value` is durable at `index`. For stores alone.
    #[must_use]
    pub const fn assertion(value: T, index: u64) -> Self {
        Self { value, index }
    }

    /// What is on record.
    #[must_use]
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// Consumes the proof.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }

    /// The index of the entry.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }
}
