//! L14: the exported ABI of C and C++, present in the exporting flavour alone, and the Rust allocator. Forwarding only.

#[cfg(all(feature = "export", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod cxx;
#[cfg(all(feature = "export", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod cxx_calls;
#[cfg(feature = "export")]
pub mod debugger;
#[cfg(feature = "export")]
pub mod glibc;
pub mod global;
#[cfg(feature = "export")]
pub mod malloc;
#[cfg(feature = "export")]
pub mod metes;
#[cfg(feature = "export")]
mod runtime;
#[cfg(feature = "export")]
pub mod special;
