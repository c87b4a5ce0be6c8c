//! L8: where a request is served, and whom a pointer goes back to.
//!
//! Small sizes get an object of a slab, through the thread's cache; larger ones a block of the free list, and those at or above the
//! cutoff a mapping. Blocks of medium size have classes too, so that the cache can hold them. A pointer that comes in is looked up in
//! the page map first, and nothing behind it is read unless it is ours.

pub mod claims;
mod density;
pub mod give_back;
pub mod guard;
pub mod helper;
pub mod oom;
pub mod owner;
pub mod release;
pub mod resize;
pub mod serve;
