//! The final format of traces: docs/design/trace.md, "The trace".
//!
//! `section` is what a file is made of, `writer` and `file` write and read one, `content` has what is in the sections, and
//! `calls` the columns of those that have calls, which follow `model` and, in it, `ranks`. `varint` is how numbers are
//! written.

pub mod calls;
pub mod content;
pub mod file;
mod model;
mod ranks;
pub mod section;
mod varint;
pub mod writer;
