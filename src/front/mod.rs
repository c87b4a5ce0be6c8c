//! L10: the entries, their statistics and settings, and the life of the process.

pub mod channel;
pub mod control;
pub mod entries;
pub mod exit;
pub mod lifecycle;
pub mod recorded;
pub mod redirected;
pub mod stats;
pub mod tuning;
pub mod usable;
