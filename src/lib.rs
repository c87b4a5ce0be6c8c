//! **metes**: a malloc replacement over an address-ordered, coalescing free list.
//!
//! # In a Rust program
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: metes::Metes = metes::Metes;
//!
//! let kept = vec![1; 1000];
//! assert!(metes::stats().heaps.live >= 4 * kept.len());
//! metes::check().expect("a whole heap");
//! ```
//!
//! [`Metes`] is the process's allocator. [`Heap`], [`LocalHeap`], [`Arena`], [`Pool`], [`Buddy`], [`Stack`] and
//! [`FreeList`] are allocators by name, and [`Tag`] counts what a part of a program allocates. They work whatever the
//! program's own allocator is; the scopes of heaps and tags need it to be [`Metes`], or the feature `override`.
//!
//! | feature | |
//! |---|---|
//! | `override` | replaces `malloc` and all of its family in the whole program, for the C and C++ code in it too |
//! | `allocator-api2` | `Allocator` of the crate allocator-api2 for [`Metes`], `&Heap` and `&LocalHeap` |
//! | `nightly` | the trait `Allocator` of the standard library for the same; needs a nightly compiler |
//!
//! With `override` a program needs no `#[global_allocator]`, but has to name the crate: `use metes as _;` does.
//!
//! No C compiler is needed on x86_64 and aarch64.
//!
//! # The source
//!
//! ```text
//!     malloc(n)                                                            free(p)
//!        |                                                                    |
//!     abi       extern "C" and GlobalAlloc: forwarding only                   |
//!     special, rust   the allocators that a program asks for by name          |
//!     front     the entries, the life of the process                          |
//!     debug     the checked route, where blocks are checked                   v
//!     route     where a request is served                  <--->   where a pointer goes back to
//!     profile   samples of what the program allocates, with their stacks
//!     cache     a thread's stacks of free objects: no lock, no atomic instruction
//!     compartment     heaps that a program makes by name
//!     report    what is known of a pointer, and what is wrong with it, in words
//!     record    every call, in a file, where that is asked for
//!     process   options, arenas, and the page map: address -> range record and slab
//!     slab      slabs of objects of one size; arenas: a heap and its bins behind a lock
//!     heap      ONE coalescing free list of blocks with size headers; mappings beside it
//!     trace     stack traces and their depot; the text of reports, and faults
//!     sys       system calls, pages, locks, thread-local words
//!     base      numbers, size classes, checksummed words, the tree
//! ```
//!
//! A folder imports only those below it, and no files import each other in a circle: `scripts/check-layers` checks
//! both. So the source can be read from the bottom to the top, or along a call.
//!
//! An hour's reading: `heap::heap`, the only place where memory is split and merged; `slab::slab`, objects of
//! one size in a block of the heap; `cache::cache` and `cache::fast`, where nearly all calls end; `route::serve`
//! and `route::release`, where the others go. "The way of a call" in `docs/design.md` names the functions in
//! their order. The rest of it has the reasons.
//!
//! The words: a *block* is a piece of a heap, and the *free list* is the index of a heap's free blocks. A *slab* is a
//! block that is cut into equal *objects*. A *bin* has an arena's slabs of a size class. An *arena* is a heap and its
//! bins behind one lock, and the *home* of some threads. A *fill* and a *flush* move a batch of objects between a
//! cache's stack and the home. A *mapping* is a request at or above the *cutoff*, with pages of its own. The *page map*
//! leads from an address to its region or mapping, and to its slab. An *entry* is what an exported function does. A
//! *route* serves what a cache does not; the *checked route* puts a trailer behind each block.
//!
//! Two flavours are built from this source. The plain one, for tests, tools and Rust programs, exports nothing. The
//! feature `export` adds the malloc ABI and a panic handler: `make` builds `libmetes.so` and `libmetes.a` with it.

#![no_std]
// Without `export`, the code that only the exported functions use is dead.
#![cfg_attr(not(feature = "export"), allow(dead_code))]
#![cfg_attr(feature = "nightly", feature(allocator_api))]

#[cfg(any(test, miri))]
extern crate std;

#[cfg(all(feature = "models", not(test)))]
compile_error!("the feature `models` is for tests alone: make models");

mod base;
mod cache;
mod compartment;
mod debug;
mod front;
mod heap;
mod process;
mod profile;
mod record;
mod report;
mod route;
mod rust;
mod slab;
mod special;
mod sys;
mod trace;

mod abi;

pub use abi::global::Metes;
pub use base::operation::Operation;
pub use debug::check::check;
pub use front::stats::{Stats, stats};
pub use route::oom::{OomHandler, set_handler as set_oom_handler};
pub use rust::arena::{Arena, ArenaOptions, ArenaScope, ArenaStats};
pub use rust::buddy::{Buddy, BuddyBox, BuddyOffsets, NotOut};
pub use rust::freelist::{Fit, FreeList, FreeListBox, FreeListStats};
pub use rust::handle::Handle;
pub use rust::heap::{AllocError, Heap, HeapBuilder, HeapStats, LocalHeap};
pub use rust::heap_box::HeapBox;
pub use rust::pool::{Pool, PoolBox};
pub use rust::stack::{Frame, Stack, StackStats};
pub use rust::tag::Tag;

/// Modules for the crate's own integration tests, and for the tool `metes`. Not an API.
#[doc(hidden)]
pub mod internals {
    pub use crate::base::{chance, checksum, class, config, operation, read_only};
    pub use crate::cache::threads;
    pub use crate::front::{channel, entries, tuning, usable};
    pub use crate::heap::range_record::{COMPARTMENT, Kind as RangeKind};
    pub use crate::process::{option_keys, option_values, profiling, statics};
    pub use crate::profile::{live, stacks, table};
    pub use crate::route::give_back;
    pub use crate::sys::clock;
}
