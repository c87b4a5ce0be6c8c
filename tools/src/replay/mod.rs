//! Replays: the allocation calls of a trace, made anew on any allocator.
//!
//! ```text
//!     trace -> plan: operations on slots, in turns of lanes        -> a file without a name
//!              each policy, in rounds: this program anew, with the allocator preloaded
//!              child: maps the plan, waits; makes the calls; waits at moments and at the end
//!     tool  <- shared memory: progress, times, what was resident
//! ```
//!
//! `plan` makes operations (`op`) of a trace's events, and `lanes` says which threads make them. `policy` is what a
//! replay is to run on, and `start` runs one. `child` is the process that replays: `turns` makes the calls, by `clock` it
//! measures them, and `resident` is what the kernel says of it. `shared` is the memory that both have.

pub mod child;
mod clock;
mod lanes;
pub mod op;
pub mod plan;
pub mod policy;
pub mod prepare;
mod resident;
mod shared;
pub mod start;
mod turns;
