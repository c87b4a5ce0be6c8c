//! The source of pages. The heap, the mappings and the page map see the operating system only through
//! this trait. So the tests can put a fake in its place that fails the nth call, poisons and counts.

#![allow(unsafe_code)]

use crate::base::align;

/// A source of pages. Addresses are plain numbers whose provenance the source has exposed. Lengths are in bytes and
/// multiples of the page size. Every call may fail. A failed call has changed nothing, except the target of `remap`.
pub trait PageSource {
    /// The bytes of a page, a power of two of at least 4 KiB.
    fn page_size(&self) -> usize;

    /// Maps new zeroed, readable and writable pages, at `hint` if that range is free (0: anywhere).
    fn map(&self, hint: usize, len: usize) -> Option<usize>;

    /// Gets new zeroed pages from another place, aligned, for as long as the process lives. `None` if
    /// there is no such place.
    fn map_from_tool(&self, _len: usize, _align: usize) -> Option<usize> {
        None
    }

    /// Whether there is such a place. Then memory has to come from there.
    fn maps_from_tool(&self) -> bool {
        false
    }

    /// Zeroed pages for a region of the small heap with the number `heap`, from where such heaps get them; aligned to a
    /// unit.
    fn map_small(&self, _len: usize, _heap: u32) -> Option<usize> {
        None
    }

    /// Says that a range is for records of metes. Nothing there is a pointer of the program.
    fn hide(&self, _start: usize, _len: usize) {}

    /// Reserves address space that cannot be touched yet, as the target of `remap`.
    fn reserve(&self, len: usize) -> Option<usize>;

    /// Gives reserved address space back.
    ///
    /// # Safety
    /// The range must come from `reserve` and nothing may have been moved there.
    unsafe fn unreserve(&self, address: usize, len: usize) -> bool;

    /// Gives back pages and their addresses.
    ///
    /// # Safety
    /// The range must come from this source, and nothing may use it any more.
    unsafe fn unmap(&self, address: usize, len: usize) -> bool;

    /// Maps new zeroed pages for records of metes, aligned to `align`, between untouchable pages. So an overflow that
    /// runs off other memory does not reach the records. Where the system gives no such guards, the pages come without.
    fn map_guarded(&self, len: usize, align: usize) -> Option<usize>
    where
        Self: Sized,
    {
        map_aligned(self, 0, len, align)
    }

    /// Gives back pages of `map_guarded` and their guards.
    ///
    /// # Safety
    /// As for `unmap`, and the range must be as `map_guarded` returned it.
    unsafe fn unmap_guarded(&self, address: usize, len: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.unmap(address, len) }
    }

    /// Changes the length of a mapping, in place if `to` is 0. Otherwise moves it onto the reserved
    /// range at `to`, which may be unmapped even if the call fails.
    ///
    /// # Safety
    /// The old range must be one mapping of this source. When it moves, nothing may use the old addresses any more.
    unsafe fn remap(&self, address: usize, old_len: usize, new_len: usize, to: usize) -> bool;

    /// Changes the length of a mapping, and moves it to where there is room. Returns the new address.
    ///
    /// # Safety
    /// As for `remap`.
    unsafe fn remap_anywhere(&self, address: usize, old_len: usize, new_len: usize) -> Option<usize>;

    /// Asks for huge pages in a range, where the system has them; or for none, unless `wanted`.
    fn advise_huge(&self, address: usize, len: usize, wanted: bool);

    /// Makes a huge page from the small pages of a range, where the system can. Returns whether it
    /// could. The content stays, and nothing depends on the result.
    fn collapse(&self, _address: usize, _len: usize) -> bool {
        false
    }

    /// Milliseconds since some time in the past.
    fn now(&self) -> u64;

    /// Gives back the pages but keeps the addresses. The content is zero afterwards.
    ///
    /// # Safety
    /// The range must come from this source, and nothing may need its content.
    unsafe fn purge(&self, address: usize, len: usize) -> bool;
}

/// Purges ranges, and counts their bytes.
pub struct Purges<'a, S: PageSource> {
    source: &'a S,
    given: usize,
}

impl<'a, S: PageSource> Purges<'a, S> {
    /// No purges yet.
    pub fn new(source: &'a S) -> Self {
        Self { source, given: 0 }
    }

    /// Purges a range.
    ///
    /// # Safety
    /// As for `PageSource::purge`.
    pub unsafe fn add(&mut self, start: usize, len: usize) {
        // SAFETY: the caller's promise.
        self.given += if unsafe { self.source.purge(start, len) } { len } else { 0 };
    }

    /// The number of purged bytes.
    pub fn finish(self) -> usize {
        self.given
    }
}

/// Maps `len` bytes aligned to `align` (a power of two of at least a page): at `hint` if that is free
/// and aligned, else cut out of a larger range.
pub fn map_aligned(source: &impl PageSource, hint: usize, len: usize, align: usize) -> Option<usize> {
    // SAFETY: the trimmed range was mapped just now, and no other code knows it yet.
    let give_back = |address, len| unsafe { source.unmap(address, len) };
    let first = source.map(hint, len)?;
    if align::is(first, align) {
        return Some(first);
    }
    give_back(first, len);
    cut_aligned(source, len, align, |len| source.map(0, len), give_back)
}

/// The same as `map_aligned`, but for untouchable address space.
pub fn reserve_aligned(source: &impl PageSource, len: usize, align: usize) -> Option<usize> {
    // SAFETY: the trimmed range was reserved just now, and no other code knows it yet.
    let give_back = |address, len| unsafe { source.unreserve(address, len) };
    cut_aligned(source, len, align, |len| source.reserve(len), give_back)
}

fn cut_aligned(
    source: &impl PageSource,
    len: usize,
    align: usize,
    get: impl FnOnce(usize) -> Option<usize>,
    give_back: impl Fn(usize, usize) -> bool,
) -> Option<usize> {
    let slack = align - source.page_size().min(align);
    let total = len.checked_add(slack)?;
    let start = get(total)?;
    let address = align::up(start, align);
    let (before, after) = (address - start, start + total - (address + len));
    // A trim that fails leaves address space unused, which is harmless.
    if before != 0 {
        give_back(start, before);
    }
    if after != 0 {
        give_back(address + len, after);
    }
    Some(address)
}
