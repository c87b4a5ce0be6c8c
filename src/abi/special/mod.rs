//! The C API of the allocators of `special`. Forwarding only.

pub mod arena;
pub mod heap;
