//! L3: the heap: regions of address space, the blocks in them, and the free list over the free blocks. Mappings are
//! beside it. The page map says which of these an address belongs to.

pub mod block;
pub mod check;
pub mod credit;
pub mod free_list;
pub mod headers;
#[expect(clippy::module_inception, reason = "the heap itself is the folder's main subject")]
pub mod heap;
pub mod huge;
pub mod layout;
pub mod locate;
pub mod mapping;
pub mod page_map;
pub mod pieces;
pub mod range_record;
pub mod region;
pub mod trim;
pub mod units;
pub mod whole;

#[cfg(test)]
pub(crate) mod tests;
