//! L4: slabs of small objects, the bins that hold them, and arenas: a heap and its bins behind one lock, between the thread
//! caches above and the free list below.

pub mod arena;
pub mod bins;
mod check;
pub mod dense;
mod give;
pub mod key;
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
