//! A page source for tests: ordinary memory cut into pages. It fails the nth call, and it poisons pages
//! that are given back. It panics on anything that the real source would not forgive, such as a double
//! unmap or a foreign range. Tests find leaks with `mapped`.

#![allow(unsafe_code)]

use super::page_calls;
use super::pages::PageSource;
use crate::base::config::UNIT;
use crate::base::shared::AtomicUsize;
use crate::base::{align, pointer};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::alloc::{Layout, alloc, dealloc};
use std::cell::{Cell, RefCell};
use std::vec;
use std::vec::Vec;

/// The state of a page. It is a byte, so that many are filled and compared in one operation, which Miri does at once.
type Page = u8;
const UNMAPPED: Page = 0;
const MAPPED: Page = 1;
const RESERVED: Page = 2;

/// Whether all bytes are `byte`: the first one is, and each equals the next.
pub fn are_all(bytes: &[u8], byte: u8) -> bool {
    bytes.first().is_none_or(|&first| first == byte && bytes[1..] == bytes[..bytes.len() - 1])
}

/// The highest range of `need` pages that are all unmapped.
fn highest_free(pages: &[Page], need: usize) -> Option<usize> {
    let mut end = pages.len();
    loop {
        let at = end.checked_sub(need)?;
        if are_all(&pages[at..end], UNMAPPED) {
            return Some(at);
        }
        // Every remaining range that ends higher contains this page, which is not unmapped.
        end = at + pages[at..end].iter().position(|&page| page != UNMAPPED)?;
    }
}

/// The fake. Not for several threads.
pub struct Fake {
    memory: *mut u8,
    page: usize,
    pages: RefCell<Vec<Page>>,
    huge: RefCell<Vec<bool>>,
    /// Pages whose unmap was refused. They are no leak of the caller, even if it does not ask again.
    refused: RefCell<Vec<bool>>,
    /// Each call whose number is a multiple of this fails; none, if 0.
    countdown: Cell<usize>,
    /// Whether every unmap fails.
    fail_unmap_only: Cell<bool>,
    failed: Cell<usize>,
    /// Orders the accesses before a range is given back before those after it is taken again, as the
    /// system's lock does.
    order: AtomicUsize,
    /// Milliseconds. Each look at the clock adds a hundred.
    time: Cell<u64>,
}

impl Fake {
    /// A source of `len` bytes, rounded up to units.
    pub fn new(len: usize) -> Self {
        Self::with_pages(len, page_calls::PAGE.unwrap_or(4096))
    }

    /// The same with pages of `page` bytes.
    ///
    /// # Panics
    /// If the test machine has no memory.
    pub fn with_pages(len: usize, page: usize) -> Self {
        let len = align::up(len, UNIT);
        let layout = Layout::from_size_align(len, 2 << 20).unwrap();
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc(layout) };
        assert!(!memory.is_null());
        pointer::expose(memory);
        Self {
            memory,
            page,
            pages: RefCell::new(vec![UNMAPPED; len / page]),
            huge: RefCell::new(vec![false; len / page]),
            refused: RefCell::new(vec![false; len / page]),
            countdown: Cell::new(0),
            fail_unmap_only: Cell::new(false),
            failed: Cell::new(0),
            order: AtomicUsize::new(0),
            time: Cell::new(0),
        }
    }

    /// Makes every `n`th call from here on fail; 0 ends that.
    pub fn fail_every(&self, n: usize) {
        self.countdown.set(n);
        self.failed.set(0);
    }

    /// Makes every unmap fail and no other call, or ends that.
    pub fn fail_unmaps(&self, yes: bool) {
        self.fail_unmap_only.set(yes);
    }

    /// The bytes that are mapped or reserved, without those that the source refused to take back.
    pub fn mapped(&self) -> usize {
        let (pages, refused) = (self.pages.borrow(), self.refused.borrow());
        let some = (0..pages.len()).step_by(64).map(|at| at..pages.len().min(at + 64));
        let some = some.filter(|some| !are_all(&pages[some.clone()], UNMAPPED)).flatten();
        some.filter(|&page| pages[page] != UNMAPPED && !refused[page]).count() * self.page
    }

    fn fails(&self) -> bool {
        let n = self.countdown.get();
        if n == 0 {
            return false;
        }
        self.failed.set(self.failed.get() + 1);
        self.failed.get().is_multiple_of(n)
    }

    fn base(&self) -> usize {
        self.memory.addr()
    }

    /// The addresses of all its pages.
    pub fn addresses(&self) -> core::ops::Range<usize> {
        self.base()..self.base() + self.pages.borrow().len() * self.page
    }

    fn range(&self, address: usize, len: usize) -> core::ops::Range<usize> {
        assert!(align::is(address, self.page) && len != 0, "unaligned range {address:#x}+{len:#x}");
        let first = address.checked_sub(self.base()).expect("a range below the source") / self.page;
        let range = first..first + len.div_ceil(self.page);
        assert!(range.end <= self.pages.borrow().len(), "a range beyond the source");
        range
    }

    /// Whether huge pages are requested at an address.
    pub fn is_huge(&self, address: usize) -> bool {
        self.huge.borrow()[self.range(address, 1).start]
    }

    fn fill(&self, pages: core::ops::Range<usize>, byte: u8) {
        // SAFETY: the pages are in the memory.
        unsafe { self.memory.add(pages.start * self.page).write_bytes(byte, pages.len() * self.page) };
    }

    fn take(&self, hint: usize, len: usize, kind: Page) -> Option<usize> {
        if self.fails() {
            return None;
        }
        self.order.fetch_add(0, Acquire);
        let need = len.div_ceil(self.page);
        let mut pages = self.pages.borrow_mut();
        let is_free = |at: usize| pages.get(at..at + need).is_some_and(|range| are_all(range, UNMAPPED));
        let hinted =
            hint.checked_sub(self.base()).map(|offset| offset / self.page).filter(|&at| hint != 0 && is_free(at));
        // From the top downwards, as in Linux.
        let at = hinted.or_else(|| highest_free(&pages, need))?;
        pages[at..at + need].fill(kind);
        self.refused.borrow_mut()[at..at + need].fill(false);
        self.fill(at..at + need, if kind == MAPPED { 0 } else { 0xd5 });
        Some(self.base() + at * self.page)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let layout = Layout::from_size_align(self.pages.borrow().len() * self.page, 2 << 20).unwrap();
        // SAFETY: allocated with this layout in `new`.
        unsafe { dealloc(self.memory, layout) };
    }
}

impl PageSource for Fake {
    fn page_size(&self) -> usize {
        self.page
    }

    fn map(&self, hint: usize, len: usize) -> Option<usize> {
        self.take(hint, len, MAPPED)
    }

    fn reserve(&self, len: usize) -> Option<usize> {
        self.take(0, len, RESERVED)
    }

    unsafe fn unreserve(&self, address: usize, len: usize) -> bool {
        let range = self.range(address, len);
        assert!(are_all(&self.pages.borrow()[range], RESERVED), "not reserved");
        // SAFETY: the caller's promise.
        unsafe { self.unmap(address, len) }
    }

    unsafe fn unmap(&self, address: usize, len: usize) -> bool {
        let range = self.range(address, len);
        if self.fail_unmap_only.get() || self.fails() {
            self.refused.borrow_mut()[range].fill(true);
            return false;
        }
        self.order.fetch_add(0, Release);
        self.refused.borrow_mut()[range.clone()].fill(false);
        let mut pages = self.pages.borrow_mut();
        assert!(!pages[range.clone()].contains(&UNMAPPED), "a page of {range:?} is unmapped twice");
        pages[range.clone()].fill(UNMAPPED);
        self.fill(range, 0xdd);
        true
    }

    unsafe fn remap(&self, address: usize, old_len: usize, new_len: usize, to: usize) -> bool {
        let old = self.range(address, old_len);
        self.order.fetch_add(0, AcqRel);
        if self.fails() {
            if to != 0 {
                // Older kernels unmap the target before they find the failure.
                let target = self.range(to, new_len);
                self.pages.borrow_mut()[target].fill(UNMAPPED);
            }
            return false;
        }
        let (old_pages, new_pages) = (old.len(), new_len.div_ceil(self.page));
        let mut pages = self.pages.borrow_mut();
        assert!(are_all(&pages[old.clone()], MAPPED), "remap of pages that are not mapped");
        if to == 0 {
            let grown = old.start + old_pages.min(new_pages)..old.start + new_pages;
            if grown.end > pages.len() || !are_all(&pages[grown.clone()], UNMAPPED) {
                return false;
            }
            pages[grown.clone()].fill(MAPPED);
            self.fill(grown, 0);
            let cut = old.start + new_pages.min(old_pages)..old.end;
            pages[cut.clone()].fill(UNMAPPED);
            self.fill(cut, 0xdd);
        } else {
            drop(pages);
            let target = self.range(to, new_len);
            let mut pages = self.pages.borrow_mut();
            assert!(are_all(&pages[target.clone()], RESERVED), "remap onto a range not reserved");
            pages[target.clone()].fill(MAPPED);
            self.fill(target.clone(), 0);
            // SAFETY: both ranges are in the memory and do not overlap.
            unsafe {
                let from = self.memory.add(old.start * self.page);
                from.copy_to_nonoverlapping(self.memory.add(target.start * self.page), old_len.min(new_len));
            }
            pages[old.clone()].fill(UNMAPPED);
            self.fill(old, 0xdd);
        }
        true
    }

    unsafe fn remap_anywhere(&self, address: usize, old_len: usize, new_len: usize) -> Option<usize> {
        let old = self.range(address, old_len);
        let to = self.take(0, new_len, MAPPED)?;
        let target = self.range(to, new_len);
        // SAFETY: both ranges are in the memory and do not overlap.
        unsafe {
            let from = self.memory.add(old.start * self.page);
            from.copy_to_nonoverlapping(self.memory.add(target.start * self.page), old_len.min(new_len));
        }
        self.pages.borrow_mut()[old.clone()].fill(UNMAPPED);
        self.fill(old, 0xdd);
        Some(to)
    }

    fn advise_huge(&self, address: usize, len: usize, wanted: bool) {
        let mut huge = self.huge.borrow_mut();
        huge[self.range(address, len)].fill(wanted);
    }

    fn now(&self) -> u64 {
        self.time.set(self.time.get() + 100);
        self.time.get()
    }

    unsafe fn purge(&self, address: usize, len: usize) -> bool {
        let range = self.range(address, len);
        if self.fails() {
            return false;
        }
        let pages = self.pages.borrow();
        assert!(are_all(&pages[range.clone()], MAPPED), "purge of pages that are not mapped");
        self.fill(range, 0);
        true
    }
}
