//! Where pages come from. The heap, the mappings and the page map see the operating system through this trait only,
//! so that the tests can put a fake in its place that fails the nth call, poisons and counts.

#![allow(unsafe_code)]

use crate::base::align;

/// A source of pages. Addresses are plain numbers whose provenance the source has exposed; lengths are in bytes and
/// multiples of the page size. Every call may fail, and a failed call has changed nothing.
pub trait PageSource {
    /// Bytes of a page, a power of two of at least 4 KiB.
    fn page_size(&self) -> usize;

    /// New zeroed, readable and writable pages, at `hint` if that range is free (0: anywhere).
    fn map(&self, hint: usize, len: usize) -> Option<usize>;

    /// New zeroed pages from another place, aligned, for as long as the process lives; `None`: there is no such place.
    fn map_from_tool(&self, _len: usize, _align: usize) -> Option<usize> {
        None
    }

    /// Whether there is such a place, and memory has to come from there.
    fn maps_from_tool(&self) -> bool {
        false
    }

    /// Says that a range is for notes of ours, and what looks like a pointer there is none of the program's.
    fn hide(&self, _start: usize, _len: usize) {}

    /// Address space that cannot be touched yet, as the target of `remap`.
    fn reserve(&self, len: usize) -> Option<usize>;

    /// Gives reserved address space back.
    ///
    /// # Safety
    /// The range must come from `reserve` and nothing may have been moved there.
    unsafe fn unreserve(&self, address: usize, len: usize) -> bool;

    /// Gives pages and addresses back.
    ///
    /// # Safety
    /// The range must come from this source, and nothing may use it any more.
    unsafe fn unmap(&self, address: usize, len: usize) -> bool;

    /// New zeroed pages for records of ours, aligned to `align`, between pages that cannot be touched: what runs off memory beside them does
    /// not reach the records. Where the system gives no such pages they come without.
    fn map_guarded(&self, len: usize, align: usize) -> Option<usize>
    where
        Self: Sized,
    {
        map_aligned(self, 0, len, align)
    }

    /// Gives pages of `map_guarded` back with those around them.
    ///
    /// # Safety
    /// As for `unmap`, and the range must be as it came.
    unsafe fn unmap_guarded(&self, address: usize, len: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.unmap(address, len) }
    }

    /// Changes the length of a mapping, in place if `to` is 0, else by moving it onto the reserved range at `to`, which
    /// may be unmapped even if the call fails.
    ///
    /// # Safety
    /// The old range must be one mapping of this source; when it moves, nothing may use the old addresses any more.
    unsafe fn remap(&self, address: usize, old_len: usize, new_len: usize, to: usize) -> bool;

    /// Changes the length of a mapping, and moves it to where there is room; the new address.
    ///
    /// # Safety
    /// As for `remap`.
    unsafe fn remap_anywhere(&self, address: usize, old_len: usize, new_len: usize) -> Option<usize>;

    /// Asks for huge pages in a range, where the system has them, or for none there.
    fn advise_huge(&self, address: usize, len: usize, wanted: bool);

    /// Makes a huge page of the small ones in a range, where the system can, and whether it could; the content stays. Nothing depends
    /// on it.
    fn collapse(&self, _address: usize, _len: usize) -> bool {
        false
    }

    /// Milliseconds since some time in the past.
    fn now(&self) -> u64;

    /// Gives the pages back but keeps the addresses: their content is zero afterwards.
    ///
    /// # Safety
    /// The range must come from this source, and nothing may need its content.
    unsafe fn purge(&self, address: usize, len: usize) -> bool;
}

/// Ranges that are purged, and how much they were.
pub struct Purges<'a, S: PageSource> {
    source: &'a S,
    given: usize,
}

impl<'a, S: PageSource> Purges<'a, S> {
    /// None yet.
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

    /// How many bytes went in all.
    pub fn finish(self) -> usize {
        self.given
    }
}

/// `len` bytes aligned to `align` (a power of two of at least a page): at `hint` if that is free and aligned, else
/// cut out of a larger piece.
pub fn map_aligned(source: &impl PageSource, hint: usize, len: usize, align: usize) -> Option<usize> {
    // SAFETY: what is trimmed was mapped just now and nobody knows it yet.
    let give_back = |address, len| unsafe { source.unmap(address, len) };
    let first = source.map(hint, len)?;
    if align::is(first, align) {
        return Some(first);
    }
    give_back(first, len);
    cut_aligned(source, len, align, |len| source.map(0, len), give_back)
}

/// Like `map_aligned`, but of untouchable address space.
pub fn reserve_aligned(source: &impl PageSource, len: usize, align: usize) -> Option<usize> {
    // SAFETY: what is trimmed was reserved just now and nobody knows it yet.
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
