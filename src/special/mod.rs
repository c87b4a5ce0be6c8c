//! L12: the allocators that a program asks for by name. The C API (`abi::special`) and the Rust types (`rust`) stand
//! on them.

pub mod arena;
pub mod buddy;
pub mod entry;
pub mod freelist;
pub mod heap;
pub mod levels;
pub mod memory;
pub mod pool;
pub mod quiet;
pub mod stack;
pub mod tags;
pub mod tokens;
