//! L3: arenas, each one heap behind one lock. Bins of slabs stand here, between the thread caches above and the heap
//! below.

pub mod arena;
