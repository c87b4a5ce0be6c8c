//! L8: where a request is served, and where a pointer goes back to.
//!
//! A small request gets an object of a slab, through the thread's cache. A larger one gets a block of the free list,
//! and one at or above the cutoff a mapping. Blocks of medium size have classes too, so that the cache can hold them. A
//! pointer that comes in is looked up in the page map first. Nothing behind it is read unless it is ours.

pub mod claims;
pub mod compartments;
mod density;
pub mod give_back;
pub mod guard;
pub mod helper;
pub mod oom;
pub mod owner;
pub mod release;
pub mod resize;
pub mod serve;
