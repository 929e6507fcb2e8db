//! The secrets plane: where upstream secrets are kept sealed, and what makes a credential for a use.

pub mod vault;
