//! The C API of the allocators of `special`. Forwarding only.
pub mod buddy;
pub mod pool;
