//! **metes**: a malloc replacement over an address-ordered, coalescing free list.
//!
//! ```text
//!     malloc(n)                                                    free(p)
//!        |                                                            |
//!   L5   abi      extern "C" and GlobalAlloc, forwarding only          |
//!        |                                                            v
//!   L4   front    runtime, options, routes, reports   <----   page map: address -> who owns it
//!        |
//!   L3   slab     arenas: a heap and its lock (bins of slabs come here)
//!        |
//!   L2   heap     regions, blocks, the free list, mappings, page map, validators
//!        |
//!   L1   sys      pages, lock, thread word, reports, environment
//!        |
//!   L0   base     numbers, sealed words, the tree
//! ```
//!
//! A layer imports only those below it; `scripts/check-layers` holds it to that. Start reading at `heap::heap`: it is
//! the only place where memory is split and merged. `docs/design.md` has the reasons.
//!
//! Two flavours are built from this source. The plain one, for tests, tools and Rust programs, exports nothing. The feature
//! `export` adds the malloc ABI and a panic handler: `make` builds `libmetes.so` and `libmetes.a` with it.

#![no_std]

#[cfg(any(test, feature = "fake"))]
extern crate std;

#[cfg(all(feature = "models", not(test)))]
compile_error!("the feature `models` is for tests alone: make models");

pub mod base;
pub mod cache;
pub mod debug;
pub mod front;
pub mod heap;
pub mod process;
pub mod report;
pub mod route;
pub mod slab;
pub mod sys;

pub mod abi;

pub use abi::global::Metes;
pub use debug::check::check;
pub use front::stats::{Stats, stats};
pub use route::oom::{OomHandler, set_handler as set_oom_handler};
