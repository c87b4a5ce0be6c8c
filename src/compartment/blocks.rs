//! The blocks of a compartment: small ones from lists and a run, larger ones from the heap, and back. The caller has
//! entered the compartment.

#![allow(unsafe_code)]

use super::small::{Damaged, SMALL};
use super::table::Inside;
use super::waiting;
use crate::base::config::{GRAIN, HEADER, MIN_BLOCK};
use crate::heap::block::MIN_REST;
use crate::heap::heap::BlockMisuse;
use crate::heap::range_record::RangeRecord;
use crate::heap::{block, headers};

/// A block that was taken.
pub struct Taken {
    /// Its address.
    pub address: usize,
    /// The bytes that may be used.
    pub usable: usize,
    /// How many of these, from the first on, may not be zero.
    pub dirty: usize,
    /// Whether it waited in a list.
    pub waited: bool,
}

/// The usable bytes of a block in use at an address in a compartment's region, as its header says.
#[inline]
pub fn in_use(region: &RangeRecord, address: usize) -> Result<usize, BlockMisuse> {
    // SAFETY: the page map's region.
    let usable = unsafe { headers::usable_size(region, address) }?;
    // SAFETY: a block is there.
    if unsafe { waiting::is_set(address) } {
        return Err(BlockMisuse::Freed(usable));
    }
    Ok(usable)
}

impl Inside {
    /// A block for `n` bytes, aligned to `align`, a power of two. `None` where memory is out, or the limit is reached.
    #[inline(always)]
    pub(super) fn take(&mut self, n: usize, align: usize) -> Result<Option<Taken>, Damaged> {
        let Some(size) = block::size_for(n) else { return Ok(None) };
        if size >= SMALL || align > GRAIN {
            return Ok(self.take_large(n, size, align));
        }
        if size > self.room {
            return Ok(None);
        }
        let Some(piece) = self.small.take(&mut self.heap, size)? else { return Ok(None) };
        if piece.size > self.room {
            // It is a little larger than was asked for, and perhaps not small.
            if piece.size < SMALL {
                // SAFETY: taken just now.
                unsafe { self.small.put(piece.address, piece.size) };
            } else {
                self.small.settle(&mut self.heap);
                self.heap.free_own(piece.address);
                self.small.reload();
            }
            return Ok(None);
        }
        self.count_in(piece.size);
        let usable = piece.size - HEADER;
        Ok(Some(Taken { address: piece.address, usable, dirty: usable, waited: piece.waited }))
    }

    #[inline(never)]
    fn take_large(&mut self, n: usize, size: usize, align: usize) -> Option<Taken> {
        if size > self.room {
            return None;
        }
        self.small.settle(&mut self.heap);
        let fresh = self.heap.alloc_aligned(n, align);
        self.small.reload();
        let fresh = fresh?;
        if fresh.usable + HEADER > self.room {
            self.heap.free_own(fresh.block);
            self.small.reload();
            return None;
        }
        if fresh.dirty != 0 {
            // SAFETY: taken just now. A block that waited may have started here once.
            unsafe { waiting::clear(fresh.block) };
        }
        self.count_in(fresh.usable + HEADER);
        Some(Taken { address: fresh.block, usable: fresh.usable, dirty: fresh.dirty, waited: false })
    }

    /// Takes a block in one of the compartment's regions back; how many bytes could be used.
    #[inline(always)]
    pub(super) fn give(&mut self, region: &RangeRecord, address: usize) -> Result<usize, BlockMisuse> {
        let usable = self.in_use(region, address)?;
        let size = usable + HEADER;
        self.count_out(size);
        if size < SMALL {
            // SAFETY: a block in use of this size, which its owner gives up.
            unsafe { self.small.put(address, size) };
            return Ok(usable);
        }
        self.small.settle(&mut self.heap);
        let freed = self.heap.free(address);
        self.small.reload();
        freed
    }

    /// The usable bytes of a block in use in one of the compartment's regions, as its header says.
    #[inline]
    pub(super) fn in_use(&self, region: &RangeRecord, address: usize) -> Result<usize, BlockMisuse> {
        if self.small.is_rest(address) {
            return Err(BlockMisuse::Freed(0));
        }
        in_use(region, address)
    }

    /// Makes a block larger or smaller where it is: its usable bytes then. `None` where it has to move.
    pub(super) fn resize(&mut self, address: usize, usable: usize, n: usize) -> Option<usize> {
        let size = block::size_for(n)?;
        let old = usable + HEADER;
        if size == old || old < SMALL && size < old && old - size < MIN_BLOCK {
            return Some(usable);
        }
        // The heap adds a whole block at the least, and what would be too little for a rest.
        let most = size.saturating_sub(old).max(MIN_BLOCK) + MIN_REST - GRAIN;
        if old < SMALL || size < SMALL || size > old && most > self.room {
            return None;
        }
        self.small.settle(&mut self.heap);
        let resized = self.heap.resize(address, n);
        self.small.reload();
        let now = resized.ok().flatten()?;
        self.least_room = self.least_room.min(self.room);
        self.room = self.room + old - (now + HEADER);
        Some(now)
    }

    /// Frees all blocks; the memory stays.
    pub(super) fn clear(&mut self) {
        self.small.settle(&mut self.heap);
        self.small.clear();
        self.heap.free_all();
        self.least_room = self.least_room.min(self.room);
        self.room = self.limit;
        self.frees = self.mallocs;
    }

    /// Blocks in use.
    pub fn blocks(&self) -> usize {
        (self.mallocs - self.frees) as usize
    }

    /// Bytes in use, headers included.
    pub fn live(&self) -> usize {
        self.limit - self.room
    }

    /// The most these have been.
    pub fn peak(&self) -> usize {
        self.limit - self.room.min(self.least_room)
    }

    #[inline(always)]
    pub(super) fn count_in(&mut self, size: usize) {
        self.room -= size;
        self.mallocs += 1;
    }

    #[inline(always)]
    pub(super) fn count_out(&mut self, size: usize) {
        self.least_room = self.least_room.min(self.room);
        self.room += size;
        self.frees += 1;
    }
}
