//! Traces: every allocation call of a process, with its time. docs/design/trace.md has both formats.
//!
//! `raw` reads the file that the library writes, and `packed` is the final format; `pack` makes one of the other, and
//! `recorder` does that while a program runs. `read` opens a trace of either, `order` brings the calls of all its threads, which are
//! `record`s, into the order in which they were made, as [`event::Event`]s, and `ending` says how it ended.
//! `survey` sums up, `sheet` is that as text and as JSON, `change` compares two, and
//! `export` writes events in the formats of others.

pub mod change;
pub mod ending;
pub mod event;
pub mod export;
pub mod order;
pub mod pack;
pub mod packed;
pub mod raw;
pub mod read;
pub mod record;
pub mod recorder;
pub mod sheet;
pub mod survey;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod made_up;
#[cfg(test)]
mod tests;
