//! The heap: the memory of one arena, which is split and merged here and nowhere else.
//!
//! ```text
//!     segment  | pad | block | block | free block | block | ... | free block | fence |
//!                8                                                             8
//! ```
//!
//! A segment is one region, or several neighbouring ones. Two free blocks are never neighbours. When a block is freed,
//! it is merged at once with the free block after it, which its size leads to, and with the free block before it, which
//! the boundary tag leads to. Only one thread at a time may use a heap: `slab::arena` has the lock.

use super::block::{self, Block, Header, MIN_REST};
use super::credit::{Credit, Huge};
use super::free_list::{Fit, FreeList, astray};
use super::page_map::PageMap;
use super::range_record::{RangeRecord, RecordPool};
use crate::base::align;
use crate::base::config::{BLOCK_MAX, GRAIN, HEADER, MIN_BLOCK};
use crate::base::once_ref::OnceRef;
use crate::base::operation::Operation;
use crate::sys::pages::PageSource;
use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;

/// What is wrong with a pointer into a region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlockMisuse {
    /// The block is free. The number is that of its usable bytes.
    Freed(usize),
    /// This word stands before it instead of a header. It may be an interior pointer, or the header was overwritten.
    NoHeader(u64),
}

/// A block that was just allocated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fresh {
    /// Its address.
    pub block: usize,
    /// The bytes that a program may use.
    pub usable: usize,
    /// How many of these, from the first on, may hold anything. All after them are zero.
    pub dirty: usize,
}

/// How a heap gets its regions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Growth {
    /// From anywhere in the address space, in large steps.
    Large,
    /// From where small heaps get them, in multiples of a unit; the first has so many bytes.
    Small(usize),
    /// It has what it was given (`Heap::adopt`), and gets no more.
    Given,
}

/// What a heap holds, in bytes and blocks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Figures {
    /// Bytes of blocks in use, headers included.
    pub live: usize,
    /// Blocks in use.
    pub live_blocks: usize,
    /// The most `live` has been.
    pub peak: usize,
    /// Bytes of address space in regions.
    pub held: usize,
    /// The most `held` has been.
    pub peak_held: usize,
    /// Regions.
    pub regions: usize,
    /// Free blocks.
    pub free_blocks: usize,
    /// Bytes of free blocks.
    pub free: usize,
}

/// A heap over a page source.
pub struct Heap<S: PageSource + 'static> {
    pub(super) source: S,
    pub(super) records: OnceRef<RecordPool>,
    pub(super) map: OnceRef<PageMap>,
    pub(super) arena: u32,
    pub(super) free: FreeList,
    pub(super) figures: Figures,
    /// The first of the heap's regions. `RangeRecord::next` links them.
    pub(super) regions: Option<&'static RangeRecord>,
    /// Bytes freed since the last trim and not taken again: the most that a trim would give back.
    pub(super) dirty: usize,
    /// A trim becomes due some time after `dirty` has passed this.
    pub(super) trim_threshold: usize,
    /// Freed bytes beyond this do not wait for the decay time, unless at least half as many bytes are live.
    pub(super) trim_most: usize,
    /// How many milliseconds freed memory above the threshold waits.
    pub(super) decay: u64,
    /// When `dirty` first passed the threshold since the last trim, in milliseconds. 0 if it has not.
    pub(super) over_since: u64,
    pub(super) growth: Growth,
    pub(super) huge: Huge,
    pub(super) credit: Credit,
    /// What the caller does, and to which block (0: to none yet), for reports.
    pub(super) operation: (Operation, usize),
}

impl<S: PageSource + 'static> Heap<S> {
    /// An empty heap: arena 0, first fit, and freed memory goes back at once. All of it is zero, except the source. The
    /// caller calls `init` next.
    pub const fn new(source: S) -> Self {
        Self {
            source,
            records: OnceRef::unset(),
            map: OnceRef::unset(),
            arena: 0,
            free: FreeList::new(Fit::First),
            figures: Figures {
                live: 0,
                live_blocks: 0,
                peak: 0,
                held: 0,
                peak_held: 0,
                regions: 0,
                free_blocks: 0,
                free: 0,
            },
            regions: None,
            dirty: 0,
            trim_threshold: 0,
            trim_most: 0,
            decay: 0,
            over_since: 0,
            growth: Growth::Large,
            huge: Huge::Always,
            credit: Credit { seen: 0, most: 0, owed: 0 },
            operation: (Operation::Malloc, 0),
        }
    }

    /// Sets the page map and the record pool of the heap.
    pub fn init(&mut self, map: &'static PageMap, records: &'static RecordPool) {
        self.map.bind(map);
        self.records.bind(records);
    }

    /// Sets the number and the fit policy of a heap without memory. A heap with memory keeps its own.
    #[expect(clippy::cast_possible_truncation, reason = "below 32")]
    pub fn configure(&mut self, arena: usize, fit: Fit) {
        if self.figures.held == 0 {
            self.arena = arena as u32;
            self.free = FreeList::new(fit);
        }
    }

    /// Sets how many freed bytes may wait without limit (`bytes`), how many may wait at all (`most`), and how many
    /// milliseconds those between may wait (`decay`).
    pub fn set_trim(&mut self, bytes: usize, most: usize, decay: u64) {
        self.trim_threshold = bytes;
        self.trim_most = most;
        self.decay = decay;
    }

    /// Sets how the heap gets regions from now on.
    pub fn set_growth(&mut self, growth: Growth) {
        self.growth = growth;
    }

    /// Sets which memory asks for huge pages from now on.
    pub fn set_huge(&mut self, huge: Huge) {
        self.huge = huge;
    }

    /// Sets the entry point at work, for reports.
    #[inline]
    pub fn set_operation(&mut self, operation: Operation) {
        self.operation = (operation, 0);
    }

    /// Whether `operation` is the entry point at work.
    pub(super) fn works_on(&self, operation: Operation) -> bool {
        self.operation.0 as usize == operation as usize
    }

    /// What the heap holds.
    pub fn figures(&self) -> Figures {
        // A segment is a pad, its blocks and a fence.
        let segments = self.regions().filter(|region| region.joined.load(Relaxed) == 0).count();
        let free = self.figures.held - self.figures.live - 2 * HEADER * segments;
        Figures { free_blocks: self.free.count(), free, ..self.figures }
    }

    /// The bytes of the largest request that a free block can serve.
    pub fn largest_free(&self) -> usize {
        block::usable(self.free.largest().max(HEADER))
    }

    /// The page source.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The page map.
    pub fn page_map(&self) -> &'static PageMap {
        self.map.as_static()
    }

    /// The number of the arena whose heap this is.
    pub fn arena(&self) -> usize {
        self.arena as usize
    }

    /// A block for `n` bytes. `None` if there is no more memory, or no block can be so large.
    pub fn alloc(&mut self, n: usize) -> Option<Fresh> {
        let need = block::size_for(n)?;
        let found = self.free.find(need).or_else(|| self.grow(need))?;
        Some(self.take(found, need))
    }

    /// The same with an alignment, a power of two.
    pub fn alloc_aligned(&mut self, n: usize, align: usize) -> Option<Fresh> {
        if align <= GRAIN {
            return self.alloc(n);
        }
        let need = block::size_for(n)?;
        // Room for the block, and for a free block before it.
        let room = need.checked_add(align)?.checked_add(MIN_BLOCK).filter(|&room| room <= BLOCK_MAX)?;
        let found = self.free.find(room).or_else(|| self.grow(room))?;
        Some(self.take_at(found, aligned_in(found, align), need))
    }

    /// Takes `need` bytes of a free block, from the address `start` on.
    pub(super) fn take_at(&mut self, found: Block, start: usize, need: usize) -> Fresh {
        if start == found.address() {
            return self.take(found, need);
        }
        let header = self.trusted(found);
        let front = start - found.address();
        found.set_header(header.with_size(front));
        found.set_tag(front);
        self.free.shrunk(found, found);
        // For a moment the block before it is free, and this one is in no list.
        let start = found.after(front);
        start.set_header(Header::new(header.size() - front).with_in_use(false).with_prev_in_use(false));
        self.take_from(start, need, |free, rest| {
            if let Some(rest) = rest {
                free.insert(rest);
            }
        })
    }

    /// Whether an aligned block for `n` bytes has room without a new region.
    pub fn has_room(&self, n: usize, align: usize) -> bool {
        let slack = if align <= GRAIN { 0 } else { align + MIN_BLOCK };
        let room = block::size_for(n).and_then(|need| need.checked_add(slack)).filter(|&room| room <= BLOCK_MAX);
        room.is_none_or(|room| self.free.find(room).is_some())
    }

    /// Takes the first `need` bytes of a free block.
    pub(super) fn take(&mut self, found: Block, need: usize) -> Fresh {
        self.take_from(found, need, |free, rest| match rest {
            Some(rest) => free.shrunk(found, rest),
            None => free.remove(found),
        })
    }

    /// The same. `list` gets what is left of the block, if anything is.
    #[inline]
    fn take_from(&mut self, found: Block, need: usize, list: impl FnOnce(&mut FreeList, Option<Block>)) -> Fresh {
        let header = self.trusted(found);
        if header.in_use() || header.size() < need {
            astray(found);
        }
        let rest = header.size() - need;
        let size = if rest >= MIN_REST { need } else { header.size() };
        let dirty = self.note_touched(found, size);
        if size == header.size() {
            list(&mut self.free, None);
            found.clear_tag(size);
            self.set_prev_in_use(found.after(size), true);
        } else {
            let next = found.after(size);
            next.set_header(Header::new(rest).with_in_use(false));
            next.set_tag(rest);
            list(&mut self.free, Some(next));
        }
        found.set_header(header.with_size(size).with_in_use(true));
        self.count_in(size);
        Fresh { block: found.address(), usable: block::usable(size), dirty }
    }

    /// Counts `more` blocks: a block in use was cut into that many more, all in use.
    pub fn count_pieces(&mut self, more: usize) {
        self.figures.live_blocks += more;
    }

    fn count_in(&mut self, size: usize) {
        self.figures.live += size;
        self.figures.live_blocks += 1;
        self.figures.peak = self.figures.peak.max(self.figures.live);
        self.dirty = self.dirty.saturating_sub(size);
    }

    /// Frees a block, merges it, and returns how many usable bytes it had.
    pub fn free(&mut self, address: usize) -> Result<usize, BlockMisuse> {
        self.operation.1 = address;
        let (block, header) = self.of_program(address)?;
        let size = header.size();
        self.figures.live -= size;
        self.figures.live_blocks -= 1;
        self.give(block, header);
        self.dirty += size;
        Ok(block::usable(size))
    }

    /// The size of a block that metes itself uses, its header included.
    ///
    /// # Safety
    /// A block of this heap is at the address.
    #[expect(unsafe_code, reason = "it reads a word before the address")]
    pub unsafe fn size_of(&self, address: usize) -> usize {
        // SAFETY: the caller's promise.
        self.trusted(unsafe { Block::at(address) }).size()
    }

    /// Frees a block that metes itself has used.
    pub fn free_own(&mut self, address: usize) {
        if let Err(BlockMisuse::NoHeader(raw)) = self.free(address) {
            // Its header was damaged while it was in use.
            self.overwritten(self.operation.0.name(), address, address, raw);
        }
    }

    /// Merges a block that is in no list with its free neighbours, puts the result into the free list, and returns it.
    pub(super) fn give(&mut self, block: Block, header: Header) -> Block {
        let mut size = header.size();
        let next = block.after(size);
        let next_header = self.trusted(next);
        let next_free = !next_header.in_use();
        if next_free {
            size += next_header.size();
        }
        let start = if header.prev_in_use() { block } else { self.free_before(block) };
        if start == block {
            start.set_header(header.with_size(size).with_in_use(false));
            start.set_tag(size);
            if next_free { self.free.grown(next, start) } else { self.free.insert(start) }
        } else {
            // The old header stays and says "free", so that another free of the block is noticed.
            block.set_header(header.with_in_use(false));
            let start_header = self.trusted(start);
            size += start_header.size();
            if next_free {
                self.free.remove(next);
            }
            start.set_header(start_header.with_size(size).with_in_use(false));
            start.set_tag(size);
            self.free.grown(start, start);
        }
        if !next_free {
            self.set_prev_in_use(next, false);
        }
        start
    }

    /// Makes room for `n` bytes in a block without moving it. It grows into the free block after it, or gives back its
    /// end. Returns its usable bytes then. `None` if there is no room: then the block is as it was.
    pub fn resize(&mut self, address: usize, n: usize) -> Result<Option<usize>, BlockMisuse> {
        self.operation.1 = address;
        let (block, header) = self.of_program(address)?;
        let old = header.size();
        let Some(need) = block::size_for(n) else { return Ok(None) };
        if need > old {
            let next = block.after(old);
            let next_header = self.trusted(next);
            if next_header.in_use() || old + next_header.size() < need {
                return Ok(None);
            }
            // The part of the next block that is needed becomes a block of its own, and is then added to this one. It
            // is at least a whole block, as the node of the rest must not overlap the node that it moves from.
            let part = self.take(next, (need - old).max(MIN_BLOCK));
            let size = old + part.usable + HEADER;
            self.figures.live_blocks -= 1;
            next.clear_header();
            block.set_header(self.trusted(block).with_size(size));
            return Ok(Some(block::usable(size)));
        }
        if old - need < MIN_REST {
            return Ok(Some(block::usable(old)));
        }
        let rest = Header::new(old - need);
        block.set_header(header.with_size(need));
        let end = block.after(need);
        end.set_header(rest);
        self.figures.live -= rest.size();
        self.give(end, rest);
        self.dirty += rest.size();
        Ok(Some(block::usable(need)))
    }

    pub(super) fn set_prev_in_use(&self, block: Block, yes: bool) {
        let header = self.trusted(block);
        block.set_header(header.with_prev_in_use(yes));
    }

    /// Moves `untouched_from` of the regions past the block and the node of a rest behind it. Returns how many bytes of
    /// the payload may not be zero.
    fn note_touched(&self, block: Block, size: usize) -> usize {
        let Range { start, end } = block.extent(size);
        let mut clean_from = usize::MAX;
        let mut at = start;
        while let Some(region) = self.map.get(at) {
            let untouched_from = region.untouched_from.load(Relaxed);
            clean_from = if region.holds(start) && region.holds(end - 1) { untouched_from } else { usize::MAX };
            let touched = (end + MIN_BLOCK).min(region.end());
            if untouched_from < touched {
                region.untouched_from.store(touched, Relaxed);
            }
            at = region.end();
            if at >= end + MIN_BLOCK {
                break;
            }
            if at >= end && !self.map.get(at).is_some_and(|next| self.owns_region(next)) {
                break;
            }
        }
        let node_end = block.address() + block::NODE;
        clean_from.max(node_end).min(end).saturating_sub(block.address())
    }

    pub(super) fn owns_region(&self, record: &RangeRecord) -> bool {
        record.is_region() && record.arena.load(Relaxed) == self.arena
    }
}

/// The address where an aligned block starts in the free block `found`: at its start, or far enough in for a block
/// before.
pub(super) fn aligned_in(found: Block, align: usize) -> usize {
    let found = found.address();
    let aligned = align::up(found, align);
    if aligned != found && aligned - found < MIN_BLOCK { align::up(found + MIN_BLOCK, align) } else { aligned }
}
