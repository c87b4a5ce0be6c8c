//! L2: stacks, what their addresses are, and reports.

pub mod depot;
pub mod fault;
pub mod layout;
pub mod maps;
pub mod modules;
pub mod report;
pub mod unwind;
