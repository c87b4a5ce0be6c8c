//! L1: the operating system and the machine.

pub mod auxv;
pub mod blind;
pub mod calls;
pub mod clock;
pub mod cpus;
pub mod env;
pub mod errno;
pub mod excluded;
#[cfg(test)]
pub mod fake;
pub mod file;
pub(crate) mod futex;
pub mod helper;
pub mod kept;
pub mod limit;
pub(crate) mod linked;
pub mod linux;
pub mod lock;
pub mod mempool;
pub mod mmap;
pub mod page_calls;
pub mod pages;
pub mod probe;
pub mod sandbox;
pub mod sanitizer;
pub mod syscall;
pub mod thread;
mod tls;
pub mod tool_memory;
pub mod valgrind;
pub mod vdso;
