//! The heap of a process that runs on metes, read from outside through the library's channel.
//!
//! `source` finds the channel and reads words, `walk` follows them to regions, slabs, blocks and caches, and `usage`
//! says what of the process's resident memory is what; `verdict` says what that means.

pub mod objects;
pub mod source;
pub mod usage;
pub mod verdict;
pub mod waiting;
pub mod walk;
