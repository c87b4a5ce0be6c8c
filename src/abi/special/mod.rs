//! The C API of the allocators of `special`. Forwarding only.

#[cfg(feature = "export")]
pub mod freelist;
#[cfg(feature = "export")]
pub mod stack;
