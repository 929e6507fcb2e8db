pub(in crate::domain) mod authenticator;
mod malformed;
mod properties;
mod rules;
mod vectors;
mod written;
