//! L2: stacks, what they say, and the writing of reports.

pub mod depot;
pub mod fault;
pub mod maps;
pub mod modules;
pub mod report;
pub mod unwind;
