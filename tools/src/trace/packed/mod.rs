//! The final format of traces: docs/design/trace.md, "The trace".

pub mod calls;
pub mod model;
pub mod ranks;
pub mod varint;
