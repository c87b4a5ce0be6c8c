//! A trace, event by event, in the formats of others.

pub mod csv;
pub mod heaptrack;
