//! L4: slabs of small objects, the bins that hold them, and arenas. An arena is a heap and its bins
//! behind one lock. Thread caches are above, the free list is below.

pub mod arena;
pub mod bins;
mod check;
pub mod dense;
mod give;
pub mod key;
pub mod layout;
pub mod metadata;
pub mod misuse;
mod mixed;
mod mixed_records;
mod mixing;
mod objects;
mod parked;
pub mod purge;
#[expect(clippy::module_inception, reason = "the slab itself is the folder's main subject")]
pub mod slab;
pub mod slabs;
pub mod vacant;

#[cfg(test)]
mod tests;
