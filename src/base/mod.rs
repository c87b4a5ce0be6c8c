//! L0: the pieces that use no operating system and allocate nothing.

pub mod align;
pub mod arch;
pub mod bits;
pub mod chance;
pub mod checksum;
pub mod class;
pub mod code;
pub mod config;
pub mod family;
pub mod line;
pub mod mangled;
#[cfg(feature = "models")]
pub mod model;
pub mod once_ref;
pub mod operation;
pub mod path;
pub mod pointer;
pub mod read_only;
pub mod shared;
pub mod tree;
pub mod usdt;
