//! L12: the allocators that a program asks for by name. The C API (`abi::special`) and the Rust types (`rust`) stand
//! on them.

pub mod arena;
pub mod freelist;
pub mod heap;
pub mod memory;
pub mod quiet;
pub mod stack;
pub mod tags;
