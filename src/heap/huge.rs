//! Huge pages: which memory of a heap asks for them.
//!
//! One touched byte makes a whole huge page resident. So only memory of which nearly all will be touched asks for huge
//! pages:
//! - a region for slabs of small objects, once the slabs hold so much that one more region is next to nothing. No other
//!   blocks come there as long as the system gives other memory.
//! - what `realloc` is about to copy a large block to.
//! - a region for a large block, on credit. Whether a program will touch all of a block is not known before. But when
//!   it frees one, a look at some of the pages tells whether it did. As many bytes as were seen touched at a time may
//!   ask before anything is known of them, so no program has more than twice the memory it would have else. What is
//!   seen touched is credit again.
//!
//! A region of which pieces are given back asks no more, or the kernel would put huge pages together around what
//! stayed.

use super::credit::Huge;
use super::heap::{Growth, Heap};
use super::range_record::RangeRecord;
use crate::base::align;
use crate::base::config::REGION_GRANULE;
use crate::base::operation::Operation;
use crate::base::shared::AtomicU64;
use crate::sys::pages::PageSource;
use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;

/// A region for a block of so many bytes may ask on credit, and such a block is looked at when it is freed.
pub const LARGE: usize = 4 << 20;

/// `RangeRecord::asked` of a region that has asked for nothing.
const NOTHING: u32 = 0;
/// Of a region that has asked for no huge pages, as pieces of it were given back.
const NONE: u32 = 1;
/// Of a region that has asked for huge pages in some of its memory.
const HUGE: u32 = 2;
/// Of a region that asked for huge pages everywhere before any of it was touched.
const WHOLE: u32 = 3;

fn asks(region: &RangeRecord) -> bool {
    region.asked.load(Relaxed) >= HUGE
}

/// Slabs get their dense memory collapsed at so many times fewer bytes than they need to ask for more huge pages.
const EARLIER: usize = 4;

/// The bytes for which one bit of `RangeRecord::owed` and `RangeRecord::seen` stands.
fn bytes_of_bit(region: &RangeRecord) -> usize {
    REGION_GRANULE * region.len().div_ceil(REGION_GRANULE * u64::BITS as usize)
}

/// The bits of the parts in a range, whose ends count as the nearest ends of parts.
fn bits_between(region: &RangeRecord, range: &Range<usize>) -> u64 {
    let bit = bytes_of_bit(region);
    let nearest = |address: usize| (address.max(region.start()) - region.start() + bit / 2) / bit;
    let bits = |count: usize| u64::MAX.checked_shr(u64::BITS.saturating_sub(count as u32)).unwrap_or(0);
    let to = if range.end >= region.end() { region.len().div_ceil(bit) } else { nearest(range.end) };
    bits(to) & !bits(nearest(range.start))
}

/// Sets some bits of a region and clears others. Returns how many bytes that added, and how many it took away.
fn change(region: &RangeRecord, bits: &AtomicU64, set: u64, clear: u64) -> (usize, usize) {
    let before = bits.load(Relaxed);
    let after = before & !clear | set;
    bits.store(after, Relaxed);
    let bytes = |bits: u64| bits.count_ones() as usize * bytes_of_bit(region);
    (bytes(after & !before), bytes(before & !after))
}

impl<S: PageSource + 'static> Heap<S> {
    /// Makes a new region ask, before anything in it is touched.
    pub(super) fn begin_huge(&mut self, region: &RangeRecord, need: usize, for_slabs: bool) {
        let (start, end) = (region.start(), region.end());
        region.asked.store(NOTHING, Relaxed);
        region.owed.store(0, Relaxed);
        region.seen.store(0, Relaxed);
        match self.huge {
            // Whoever gives it memory has decided.
            _ if self.growth != Growth::Large => {}
            Huge::Never => self.source.advise_huge(start, end - start, false),
            Huge::Always => self.ask_in(region, start..end),
            Huge::Dense(_) if for_slabs => {
                self.ask_in(region, start..end);
                region.asked.store(WHOLE, Relaxed);
            }
            Huge::Dense(_) if need < LARGE || self.works_on(Operation::Calloc) => {}
            Huge::Dense(_) => {
                region.asked.store(HUGE, Relaxed);
                if self.owe(start..end) {
                    self.ask_in(region, start..end);
                } else {
                    region.asked.store(NOTHING, Relaxed);
                }
            }
        }
    }

    /// Whether the parts of a range that ask for huge pages may go on to do so on credit, as nothing of it is touched
    /// any more. If so, notes that they are owed.
    pub(super) fn owe(&mut self, range: Range<usize>) -> bool {
        let asked = |at: &mut usize| {
            let region = self.map.get(*at).filter(|_| *at < range.end)?;
            *at = region.end();
            Some(region)
        };
        let mut at = range.start;
        let regions = core::iter::from_fn(|| asked(&mut at)).filter(|region| asks(region));
        let bytes =
            |region: &'static RangeRecord| bits_between(region, &range).count_ones() as usize * bytes_of_bit(region);
        if !self.credit.allows(regions.map(bytes).sum()) {
            return false;
        }
        let mut at = range.start;
        while let Some(region) = self.map.get(at).filter(|_| at < range.end) {
            if asks(region) {
                self.credit.owed += change(region, &region.owed, bits_between(region, &range), 0).0;
            }
            at = region.end();
        }
        true
    }

    /// Notes that what was touched in a range has been given back and, with `and_owed`, that nothing is owed for it
    /// either.
    pub(super) fn forget_touched(&mut self, range: &Range<usize>, and_owed: bool) {
        let mut at = range.start;
        while let Some(region) = self.map.get(at).filter(|_| at < range.end) {
            let bits = bits_between(region, range);
            self.credit.seen -= change(region, &region.seen, 0, bits).1;
            self.credit.owed -= change(region, &region.owed, 0, if and_owed { bits } else { 0 }).1;
            at = region.end();
        }
    }

    /// Forgets the parts of a region that goes back, or becomes two.
    pub(super) fn forget_huge(&mut self, region: &RangeRecord) {
        self.credit.owed -= change(region, &region.owed, 0, u64::MAX).1;
        self.credit.seen -= change(region, &region.seen, 0, u64::MAX).1;
    }

    fn ask_in(&self, region: &RangeRecord, range: Range<usize>) {
        region.asked.store(HUGE, Relaxed);
        self.source.advise_huge(range.start, range.len(), true);
    }

    /// Asks for huge pages in a range, all of which will be touched.
    pub fn will_be_touched(&mut self, start: usize, len: usize) {
        if !matches!(self.huge, Huge::Dense(_)) {
            return;
        }
        let mut at = align::up(start, REGION_GRANULE);
        while let Some(region) = self.map.get(at).filter(|region| self.owns_region(region)) {
            let end = align::down(region.end().min(start + len), REGION_GRANULE);
            if at >= end {
                return;
            }
            self.ask_in(region, at..end);
            at = end;
        }
    }

    /// Notes that all of a block or mapping was seen touched.
    pub fn was_touched(&mut self, start: usize, len: usize) {
        let range = start..start + len;
        let mut at = start;
        while at < range.end
            && let Some(region) = self.map.get(at).filter(|region| self.owns_region(region))
        {
            let bits = bits_between(region, &range);
            self.credit.owed -= change(region, &region.owed, 0, bits).1;
            self.credit.add_seen(change(region, &region.seen, bits, 0).0);
            at = region.end();
        }
        self.credit.most = self.credit.most.max(len);
    }

    /// Whether slabs that have so many bytes in all get huge pages for more of them.
    pub fn is_dense(&self, slabs: usize) -> bool {
        matches!(self.huge, Huge::Dense(from) if slabs >= from)
    }

    /// Whether dense memory of slabs that have so many bytes in all is collapsed while the program waits.
    pub fn gets_dense(&self, slabs: usize) -> bool {
        matches!(self.huge, Huge::Dense(from) if slabs >= from / EARLIER)
    }

    /// Asks for a huge page, all of which is in one region.
    pub fn ask_for_page(&self, page: usize) {
        if let Some(region) = self.map.get(page) {
            self.ask_in(region, page..page + REGION_GRANULE);
        }
    }

    /// The first address from `from` on with room for a huge page in one region, except in those that asked everywhere.
    /// `None` if there is none, or if the heap does not ask by density.
    pub fn next_granule(&self, from: usize) -> Option<usize> {
        let Huge::Dense(_) = self.huge else { return None };
        let first = |region: &'static RangeRecord| align::up(from.max(region.start()), REGION_GRANULE);
        let fits = |region: &&'static RangeRecord| {
            region.asked.load(Relaxed) != WHOLE && first(region) + REGION_GRANULE <= region.end()
        };
        // Mostly it is in the region of the last one.
        let here = self.map.get(from).filter(|region| self.owns_region(region)).filter(fits);
        here.map(first).or_else(|| self.regions().filter(fits).map(first).min())
    }

    /// Makes the regions around a range that is given back refuse huge pages: all of them if the pieces are small, else
    /// those that have asked, if the heap asks by density.
    pub(super) fn part(&self, range: Range<usize>, small: bool) {
        let mut at = range.start;
        while at < range.end
            && let Some(region) = self.map.get(at)
        {
            let parts = match region.asked.load(Relaxed) {
                NOTHING => small,
                NONE => false,
                _ => small || matches!(self.huge, Huge::Dense(_)),
            };
            if parts {
                region.asked.store(NONE, Relaxed);
                self.source.advise_huge(region.start(), region.len(), false);
            }
            at = region.end();
        }
    }
}
