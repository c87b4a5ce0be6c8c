//! L5: the exported ABI. Forwarding only, and present in the exporting flavour alone.

#![allow(unsafe_code)]

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub mod cxx;
pub mod glibc;
pub mod malloc;
pub mod metes;
mod runtime;
