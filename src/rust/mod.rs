//! L13: what Rust programs use beside the global allocator: safe types over the allocators of `special`.

pub mod buddy;
pub mod pool;
