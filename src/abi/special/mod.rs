//! The C API of the allocators of `special`. Forwarding only.

pub mod arena;
pub mod buddy;
pub mod freelist;
pub mod heap;
pub mod pool;
pub mod stack;
