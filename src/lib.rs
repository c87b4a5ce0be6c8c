//! **metes**: a malloc replacement over an address-ordered, coalescing free list.
//!
//! ```text
//!     malloc(n)                                                            free(p)
//!        |                                                                    |
//!     abi       extern "C" and GlobalAlloc: forwarding only                   |
//!     front     the entries, the life of the process                          |
//!     debug     the checked route, where blocks are checked                   v
//!     route     where a request is served                  <--->   whom a pointer goes back to
//!     cache     a thread's stacks of free objects: no lock, no atomic instruction
//!     report    what is wrong with a pointer, in words
//!     process   options, arenas, and the page map: address -> who owns it
//!     slab      slabs of objects of one size; arenas: a heap and its bins behind a lock
//!     heap      ONE coalescing free list of blocks with size headers; mappings beside it
//!     sys       pages, locks, thread-local words, stacks
//!     base      numbers, size classes, checksummed words, the tree
//! ```
//!
//! A folder imports only those below it, and no files import each other in a circle: `scripts/check-layers` holds them to that. So all can be read from
//! the bottom to the top, or along a call.
//!
//! To read on in an hour: [`heap::heap`], the only place where memory is split and merged; [`slab::slab`], objects of one size in a block of
//! the heap; [`cache::cache`] and [`cache::fast`], what nearly all calls end in; [`route::serve`] and [`route::release`], where the others go.
//! "The way of a call" in `docs/design.md` names the functions in their order, and the rest of it has the reasons.
//!
//! The words: a *block* is a piece of a heap, an *object* one of a *slab*, which is a block cut into equal pieces; a *bin* has an arena's
//! slabs of a size class; an *arena* is a heap and its bins behind one lock, and the *home* of some threads; a *fill* and a *flush* move a
//! batch between a cache's stack and the home; a *mapping* is a request at or above the *cutoff*, with pages of its own.
//!
//! Two flavours are built from this source. The plain one, for tests, tools and Rust programs, exports nothing. The feature
//! `export` adds the malloc ABI and a panic handler: `make` builds `libmetes.so` and `libmetes.a` with it.

#![no_std]
// What the exported functions alone need is dead elsewhere.
#![cfg_attr(not(feature = "export"), allow(dead_code))]

#[cfg(any(test, feature = "fake"))]
extern crate std;

#[cfg(all(feature = "models", not(test)))]
compile_error!("the feature `models` is for tests alone: make models");

mod base;
mod cache;
mod debug;
mod front;
mod heap;
mod process;
mod report;
mod route;
mod rust;
mod slab;
mod special;
mod sys;
mod trace;

mod abi;

pub use abi::global::Metes;
pub use debug::check::check;
pub use front::stats::{Stats, stats};
pub use route::oom::{OomHandler, set_handler as set_oom_handler};
pub use rust::buddy::{Buddy, BuddyBox, BuddyOffsets, NotOut};
pub use rust::pool::{Handle, Pool, PoolBox};

/// What the crate's own integration tests look into. No API.
#[doc(hidden)]
pub mod internals {
    pub use crate::base::{checksum, config, operation, read_only};
    pub use crate::cache::threads;
    pub use crate::front::{entries, tuning};
    pub use crate::process::statics;
    pub use crate::route::give_back;
}
