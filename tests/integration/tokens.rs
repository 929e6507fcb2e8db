//! Tokens: made from a recorded exchange, read back in one spelling, and judged against a target.

mod attacks;
mod claims;
mod decisions;
mod documents;
mod fixture;
mod headers;
mod lifetime;
mod properties;
