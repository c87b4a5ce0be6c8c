//! L1: the operating system and the machine.

pub mod auxv;
pub mod calls;
pub mod cpus;
pub mod depot;
pub mod env;
pub mod errno;
pub mod excluded;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
pub mod fault;
pub mod file;
pub(crate) mod futex;
pub mod helper;
pub mod kept;
mod linked;
pub mod linux;
pub mod lock;
pub mod maps;
pub mod modules;
pub mod pages;
pub mod probe;
pub mod report;
pub mod sandbox;
pub mod sanitizer;
pub mod syscall;
pub mod thread;
mod tls;
pub mod unwind;
pub mod valgrind;
pub mod vdso;
