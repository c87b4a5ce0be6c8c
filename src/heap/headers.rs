//! The headers of blocks as a heap finds them: whole, or damaged by the program.

#![allow(unsafe_code)]

use super::block::{self, Block, Header};
use super::heap::{BlockMisuse, Heap};
use super::page_map::PageMap;
use super::range_record::RangeRecord;
use crate::base::align;
use crate::base::code::Code;
use crate::base::config::{GRAIN, HEADER, MIN_BLOCK, UNIT};
use crate::base::line::Line;
use crate::sys::pages::PageSource;
use crate::trace::report;
use core::fmt::Write;
use core::sync::atomic::Ordering::Relaxed;

impl<S: PageSource + 'static> Heap<S> {
    /// The size of the block in use at `address`, its header included. `None` if this heap has none there.
    pub fn size_in_use(&self, address: usize) -> Option<usize> {
        let region = self.map.get(address).filter(|region| self.owns_region(region))?;
        // SAFETY: the region is that of the page map.
        unsafe { program_header(region, address) }.ok().map(Header::size)
    }

    /// The block in use at the address that the program passes, and its header.
    #[inline(always)]
    pub(super) fn of_program(&self, address: usize) -> Result<(Block, Header), BlockMisuse> {
        let header = self.header_of_program(address)?;
        // SAFETY: a right header stands before the address, or stood there until its page was purged.
        Ok((unsafe { Block::at(address) }, header))
    }

    fn header_of_program(&self, address: usize) -> Result<Header, BlockMisuse> {
        match self.map.get(address) {
            // SAFETY: the region is that of the page map.
            Some(region) if region.is_region() => match unsafe { program_header(region, address) } {
                Err(BlockMisuse::NoHeader(0)) => self.purged_header(address).ok_or(BlockMisuse::NoHeader(0)),
                other => other,
            },
            _ => Err(BlockMisuse::NoHeader(0)),
        }
    }

    /// The header of a block, also a purged one, or the word that stands in its place.
    #[inline]
    pub(super) fn header(&self, block: Block) -> Result<Header, u64> {
        block.header().or_else(|raw| if raw == 0 { self.purged_header(block.address()).ok_or(raw) } else { Err(raw) })
    }

    /// The header of a block to which a size or a link of metes leads. Reports a damaged one.
    #[inline]
    pub(super) fn trusted(&self, block: Block) -> Header {
        match self.header(block) {
            Ok(header) => header,
            Err(raw) => {
                let (operation, subject) = self.operation;
                self.overwritten(operation.name(), subject, block.address(), raw)
            }
        }
    }

    /// Reports that the header of `block` was damaged, most likely by a write past the end of the block before it.
    /// Operation `name` on `subject` (0: on no block) has found it.
    #[cold]
    #[inline(never)]
    pub fn overwritten(&self, name: &str, subject: usize, block: usize, raw: u64) -> ! {
        let mut text = Line::<256>::new();
        // Writing to a `Line` never fails.
        let _ = match (subject, subject == block) {
            (0, _) => write!(text, "{name}: the 8 bytes before the block at {block:#x}"),
            (_, true) => write!(text, "{name}({block:#x}): the 8 bytes before the block"),
            (_, false) => write!(text, "{name}({subject:#x}): the 8 bytes before the block at {block:#x}"),
        };
        let _ = write!(text, " are {raw:#018x}; ");
        let _ = match self.block_before(block) {
            Some((before, size, state)) => {
                write!(text, "the block before it, {state}, has {size} bytes at {before:#x}")
            }
            None if self.is_first(block) => write!(text, "it is the first block of its region"),
            None => write!(text, "the blocks before it are damaged too"),
        };
        report::misuse(Code::HeaderOverwritten, block - HEADER, format_args!("{}", text.as_str()))
    }

    /// The free block before `block`, found by its boundary tag.
    pub(super) fn free_before(&self, block: Block) -> Block {
        if let Ok(size) = block.tag_before()
            && size >= MIN_BLOCK
            && size < block.address()
            && self.map.get(block.address() - size - HEADER).is_some_and(|record| self.owns_region(record))
            && let Ok(header) = block.before(size).header()
            && !header.in_use()
            && header.size() == size
        {
            return block.before(size);
        }
        self.tag_overwritten(block)
    }

    #[cold]
    #[inline(never)]
    fn tag_overwritten(&self, block: Block) -> ! {
        let raw = block.tag_before().err().unwrap_or(0);
        let block = block.address();
        report::misuse(
            Code::FreeBlockWritten,
            block - 2 * HEADER,
            format_args!("the last 8 bytes of the free block before {block:#x} are {raw:#018x}"),
        )
    }
}

/// Whether a header may stand before an address in a region: at the very start only if the region is joined to the one
/// before.
#[inline]
fn has_header_room(region: &RangeRecord, address: usize) -> bool {
    address - region.start() >= 2 * HEADER || region.joined.load(Relaxed) != 0
}

/// The header of the block in use at an address that the program passes, if one is there. This reads the word once, so
/// it needs no lock.
///
/// # Safety
/// `region` is what the page map has at the address.
#[inline]
unsafe fn program_header(region: &RangeRecord, address: usize) -> Result<Header, BlockMisuse> {
    if !align::is(address, GRAIN) || !has_header_room(region, address) {
        return Err(BlockMisuse::NoHeader(0));
    }
    // SAFETY: the address is aligned, and the bytes before it lie in the region or in the one joined to it.
    match unsafe { block::header_before(address) } {
        Ok(header) if header.in_use() && !header.is_fence() => Ok(header),
        Ok(header) => Err(BlockMisuse::Freed(block::usable(header.size().max(HEADER)))),
        Err(raw) => Err(BlockMisuse::NoHeader(raw)),
    }
}

/// The header of a block of any heap at `address`, or the word that stands in its place. `None` if no region is there.
pub fn header_at(map: &PageMap, address: usize) -> Option<Result<Header, u64>> {
    map.get(address - HEADER).filter(|record| record.is_region() && align::is(address, GRAIN))?;
    // SAFETY: the address is aligned, and the bytes before it lie in a region.
    Some(unsafe { block::header_before(address) })
}

/// The same in fewer instructions. If there is no block in use, the result is `None` or more than any block has.
///
/// # Safety
/// As for `usable_size`.
#[inline(always)]
pub unsafe fn usable_size_or_more(region: &RangeRecord, address: usize) -> Option<usize> {
    // Regions start at units.
    if !align::is(address, GRAIN) || align::is(address, UNIT) && !has_header_room(region, address) {
        return None;
    }
    // SAFETY: the address is aligned, and the bytes before it lie in the region or in the one joined to it.
    unsafe { block::size_in_use_before(address) }.map(|size| size.wrapping_sub(HEADER))
}

/// The usable bytes of a block in use of any heap. Takes no lock.
///
/// # Safety
/// `region` is what the page map has at the address. A program that frees the block meanwhile uses what it has freed.
#[inline]
pub unsafe fn usable_size(region: &RangeRecord, address: usize) -> Result<usize, BlockMisuse> {
    // SAFETY: the caller's promise.
    unsafe { program_header(region, address) }.map(|header| block::usable(header.size()))
}
