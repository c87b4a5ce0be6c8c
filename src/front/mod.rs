//! L4: what the entry points do: runtime and options, the routes of allocation and release, reports of misuse,
//! statistics, checks.

pub mod alloc;
pub mod exit;
pub mod lifecycle;
pub mod redirected;
pub mod stats;
pub mod tuning;
