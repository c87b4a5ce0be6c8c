//! The verbs, a file each: what it takes, and what it does.

pub mod bench;
pub mod completions;
pub mod doctor;
pub mod explain;
pub mod leaks;
pub mod map;
pub mod options;
pub mod pages;
pub mod profile;
pub mod replay;
pub mod run;
pub mod snapshot;
pub mod stats;
pub mod symbolize;
pub mod top;
pub mod trace;
