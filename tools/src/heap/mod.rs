//! The heap of a process that runs on metes, read from outside through the library's channel.
//!
//! `source` finds the channel and reads words, `walk` follows them to regions, slabs, blocks and caches, and `usage`
//! says what of the process's resident memory is what; `verdict` says what that means. `options` and `stacks` are what it has
//! beside the heap.

pub mod objects;
pub mod options;
pub mod source;
pub mod stacks;
pub mod usage;
pub mod verdict;
pub mod waiting;
pub mod walk;
