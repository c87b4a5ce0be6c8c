//! Traces: every allocation call of a process, with its time. docs/design/trace.md has both formats.
//!
//! `raw` reads the file that the library writes. `read` opens a trace, and `order` brings the calls of all its threads
//! into the order in which they were made, as [`event::Event`]s.

pub mod ending;
pub mod event;
pub mod order;
pub mod packed;
pub mod raw;
pub mod read;
pub mod record;
