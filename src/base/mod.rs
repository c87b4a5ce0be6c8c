//! L0: pure pieces, no operating system and no memory of their own.

pub mod align;
pub mod bits;
pub mod class;
pub mod code;
pub mod config;
pub mod family;
pub mod late;
pub mod line;
#[cfg(feature = "models")]
pub mod model;
pub mod operation;
pub mod path;
pub mod seal;
pub mod sealed;
pub mod shared;
pub mod tree;
