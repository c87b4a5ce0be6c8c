//! L13: the exported ABI of C and C++, present in the exporting flavour alone, and the Rust
//! allocator. All of it only forwards.

#[cfg(any(feature = "export", feature = "override"))]
pub mod alloc_token;
#[cfg(all(any(feature = "export", feature = "override"), any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod alloc_token_cxx;
#[cfg(all(any(feature = "export", feature = "override"), any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod cxx;
#[cfg(all(any(feature = "export", feature = "override"), any(target_arch = "x86_64", target_arch = "aarch64")))]
mod cxx_calls;
#[cfg(feature = "export")]
pub mod debugger;
#[cfg(any(feature = "export", feature = "override"))]
pub mod glibc;
pub mod global;
#[cfg(any(feature = "export", feature = "override"))]
pub mod malloc;
#[cfg(any(feature = "export", feature = "override"))]
pub mod metes;
#[cfg(feature = "export")]
mod runtime;
#[cfg(any(feature = "export", feature = "override"))]
mod special;
