//! Tokens: made from a recorded exchange, read back in one spelling, and judged against a target.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what a test prepares must work for the test to mean anything"
)]

mod attacks;
mod claims;
mod decisions;
mod documents;
mod fixture;
mod headers;
mod lifetime;
mod properties;
