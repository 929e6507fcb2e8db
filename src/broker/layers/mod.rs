//! Other people's network layers and sandboxes: they ask for verdicts ([`ask`]) and report what they saw ([`report`]).

mod ask;
mod report;

pub use ask::Answer as LayerAnswer;
pub use report::{Said, Told as LayerTold};
