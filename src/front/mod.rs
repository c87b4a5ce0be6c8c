//! L4: what the entry points do: runtime and options, the routes of allocation and release, reports of misuse,
//! statistics, checks.

pub mod alloc;
pub mod check;
pub mod density;
pub mod exit;
pub mod guard;
pub mod helper;
pub mod hidden;
pub mod leaks;
pub mod lifecycle;
pub mod oom;
pub mod quarantine;
pub mod redirected;
pub mod stats;
pub mod tuning;
pub mod watch;
