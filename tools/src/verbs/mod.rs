//! The verbs, a file each: what it takes, and what it does.

pub mod explain;
pub mod map;
pub mod snapshot;
pub mod stats;
pub mod top;
