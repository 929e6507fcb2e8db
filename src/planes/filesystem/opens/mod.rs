//! What a run opens: every call that opens, runs, makes, changes, renames or removes a file is shown to the shim before it happens,
//! and folded by access and place.
//!
//! The kernel stops the caller, tells the watcher and goes on when it says so (`seccomp_unotify(2)`). This observes and never
//! decides: between looking and going on, another thread of the run can change the path it passed. The walls decide, and what
//! they would decide is asked of the kernel about the same path. `docs/filesystem.md` says what is seen and what is not.

mod call;
mod line;
mod notify;
mod path;
mod seen;
mod used;
mod verdict;
mod watch;

pub use line::{Line, TheirLine};
pub use notify::CannotWatch;
pub use seen::Seen;
pub use verdict::Granted;
pub use watch::watch;
