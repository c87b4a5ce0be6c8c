//! L14: what Rust programs use beside the global allocator: safe types over the allocators of `special`.

#[cfg(any(feature = "allocator-api2", feature = "nightly"))]
mod allocator;
pub mod arena;
pub mod buddy;
pub mod freelist;
pub mod handle;
pub mod heap;
pub mod heap_box;
pub mod pool;
pub mod stack;
pub mod tag;
#[cfg(test)]
mod tests;
