//! Headers of blocks as a heap finds them: whole, or damaged by the program.

#![allow(unsafe_code)]

use super::block::{self, Block, Header};
use super::heap::{BlockMisuse, Heap};
use super::page_map::PageMap;
use super::range_record::RangeRecord;
use crate::base::align;
use crate::base::code::Code;
use crate::base::config::{GRAIN, HEADER, MIN_BLOCK};
use crate::base::line::Line;
use crate::sys::pages::PageSource;
use crate::trace::report;
use core::fmt::Write;
use core::sync::atomic::Ordering::Relaxed;

impl<S: PageSource + 'static> Heap<S> {
    /// The bytes of a block in use, its header included; `None` if no block of this heap starts at the address.
    pub fn size_in_use(&self, block: Block) -> Option<usize> {
        let region = self.map.get(block).filter(|region| self.owns_region(region))?;
        program_header(region, block).ok().map(Header::size)
    }

    /// The header of a block the program names.
    pub(super) fn of_program(&self, block: Block) -> Result<Header, BlockMisuse> {
        match self.map.get(block) {
            Some(region) if region.is_region() => match program_header(region, block) {
                Err(BlockMisuse::NoHeader(0)) => self.purged_header(block).ok_or(BlockMisuse::NoHeader(0)),
                other => other,
            },
            _ => Err(BlockMisuse::NoHeader(0)),
        }
    }

    /// The block's header, or the word that stands there instead.
    #[inline]
    pub(super) fn header(&self, block: Block) -> Result<Header, u64> {
        block::header(block).or_else(|raw| if raw == 0 { self.purged_header(block).ok_or(raw) } else { Err(raw) })
    }

    /// The header of a block that metes itself followed a size or a link to.
    #[inline]
    pub(super) fn trusted(&self, block: Block) -> Header {
        match self.header(block) {
            Ok(header) => header,
            Err(raw) => {
                let (operation, subject) = self.operation;
                self.overwritten(operation.name(), subject, block, raw)
            }
        }
    }

    /// The header of `block` was damaged, by a write past the end of the block before it, most likely; operation `name` on
    /// `subject` (0: on no block) has met it.
    #[cold]
    #[inline(never)]
    pub fn overwritten(&self, name: &str, subject: Block, block: Block, raw: u64) -> ! {
        let mut text = Line::<256>::new();
        // A Line never fails to be written to.
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

    /// The free block before `block`, by its boundary tag.
    pub(super) fn free_before(&self, block: Block) -> Block {
        if let Ok(size) = block::tag_before(block)
            && size >= MIN_BLOCK
            && size < block
            && self.map.get(block - size - HEADER).is_some_and(|record| self.owns_region(record))
            && let Ok(header) = block::header(block - size)
            && !header.in_use()
            && header.size() == size
        {
            return block - size;
        }
        self.tag_overwritten(block)
    }

    #[cold]
    #[inline(never)]
    fn tag_overwritten(&self, block: Block) -> ! {
        let raw = block::tag_before(block).err().unwrap_or(0);
        report::misuse(
            Code::FreeBlockWritten,
            block - 2 * HEADER,
            format_args!("the last 8 bytes of the free block before {block:#x} are {raw:#018x}"),
        )
    }
}

/// The header of a block in use that a program names by an address in `region`, if there is one. Reads once, so it
/// needs no lock.
#[inline]
fn program_header(region: &RangeRecord, block: Block) -> Result<Header, BlockMisuse> {
    // At the very start of a region a header stands before it only if a region before is joined to it.
    let room = block - region.start() >= 2 * HEADER || region.joined.load(Relaxed) != 0;
    if !align::is(block, GRAIN) || !room {
        return Err(BlockMisuse::NoHeader(0));
    }
    match block::header(block) {
        Ok(header) if header.in_use() && !header.is_fence() => Ok(header),
        Ok(header) => Err(BlockMisuse::Freed(block::usable(header.size().max(HEADER)))),
        Err(raw) => Err(BlockMisuse::NoHeader(raw)),
    }
}

/// What stands where a block's header would, of any heap's; `None` where no region is.
pub fn header_at(map: &PageMap, block: Block) -> Option<Result<Header, u64>> {
    map.get(block - HEADER).filter(|record| record.is_region()).map(|_| block::header(block))
}

/// The usable bytes of a block in use in any heap. Takes no lock.
///
/// # Safety
/// The region is what the page map has at the address. A program that frees the block meanwhile uses what it has freed.
#[inline]
#[expect(unsafe_code, reason = "it reads a word before the address")]
pub unsafe fn usable_size(region: &RangeRecord, block: Block) -> Result<usize, BlockMisuse> {
    program_header(region, block).map(|header| block::usable(header.size()))
}
