//! The clock, read by the function that the kernel maps into each process (vdso(7)). A sandbox may kill
//! for a system call. A function of the libc may be another library's. The helper must not call it,
//! because its thread block is not the libc's.
//!
//! The kernel's image is a small shared library. Its dynamic symbols are searched for one name, and nothing
//! outside the image is ever read. If there is no image, as under valgrind, the system call serves.

#![allow(unsafe_code)]

use super::auxv;
use super::syscall::{call, int};
use crate::base::mangled::MangledAddress;
use crate::base::pointer;
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};
use libc::timespec;

type ClockGettime = unsafe extern "C" fn(c_int, *mut timespec) -> c_int;

/// The kernel's function, after the lookup.
static FUNCTION: MangledAddress = MangledAddress::none();
static LOOKED: AtomicBool = AtomicBool::new(false);

/// The time of a clock; zero where the kernel does not tell it. Does not touch errno.
pub fn time(clock: c_int) -> timespec {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    let function = function();
    // SAFETY: the kernel's function has this type and needs nothing but a stack. It writes to a local variable.
    let done = function != 0
        && unsafe {
            let function: ClockGettime = core::mem::transmute(pointer::at::<()>(function));
            function(clock, &raw mut time) == 0
        };
    if !done {
        let place = pointer::expose(&raw mut time);
        // SAFETY: the kernel writes to a local variable.
        let _ = unsafe { call(libc::SYS_clock_gettime, [int(clock), place]) };
    }
    time
}

/// The function's address, or 0.
fn function() -> usize {
    if !LOOKED.load(Ordering::Acquire) {
        let found = Image::of_process().and_then(|image| image.function(NAME)).unwrap_or(0);
        let _ = FUNCTION.swap(found);
        LOOKED.store(true, Ordering::Release);
    }
    FUNCTION.get().unwrap_or(0)
}

#[cfg(target_arch = "x86_64")]
const NAME: &[u8] = b"__vdso_clock_gettime\0";
#[cfg(target_arch = "aarch64")]
const NAME: &[u8] = b"__kernel_clock_gettime\0";
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const NAME: &[u8] = b"";

/// The most bytes of an image that is believed. The kernel's have two pages.
const LEN_MOST: usize = 1 << 20;
/// The first bytes of an image, which hold all that is read first.
const FIRST: usize = 4096;

/// A shared library in memory. Nothing outside its `len` bytes is read.
struct Image {
    base: usize,
    len: usize,
}

/// What is needed of the dynamic section: two offsets in the image, and the number of symbols.
#[derive(Default)]
struct Tables {
    symbols: usize,
    names: usize,
    count: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Header {
    ident: [u8; 16],
    kind: u16,
    machine: u16,
    version: u32,
    entry: usize,
    segments: usize,
    sections: usize,
    flags: u32,
    size: u16,
    segment_size: u16,
    segment_count: u16,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Segment {
    kind: u32,
    flags: u32,
    offset: usize,
    address: usize,
    physical: usize,
    file_len: usize,
    len: usize,
    align: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    address: usize,
    size: usize,
}

const FUNCTION_KIND: u8 = 2;
const DYNAMIC_ENTRIES_MOST: usize = 128;
const SYMBOLS_MOST: usize = 4096;
const SEGMENTS_MOST: usize = 32;
/// Keys of the dynamic section.
const DT_HASH: usize = 4;
const DT_STRTAB: usize = 5;
const DT_SYMTAB: usize = 6;
const DT_GNU_HASH: usize = 0x6fff_fef5;

impl Image {
    /// The image that the kernel has mapped into this process.
    fn of_process() -> Option<Self> {
        if cfg!(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_pointer_width = "64", not(miri))))
        {
            return None;
        }
        let base = auxv::get(libc::AT_SYSINFO_EHDR)?;
        let first = Self { base, len: FIRST };
        let len = first.loaded()?.len;
        (FIRST..=LEN_MOST).contains(&len).then_some(Self { base, len })
    }

    /// The value at an offset.
    fn at<T: Copy>(&self, offset: usize) -> Option<T> {
        let end = offset.checked_add(size_of::<T>())?;
        // SAFETY: inside the image, which is mapped and readable. Only numbers are read.
        (end <= self.len).then(|| unsafe {
            let place = pointer::at::<MaybeUninit<T>>(self.base + offset);
            place.read_unaligned().assume_init()
        })
    }

    fn item<T: Copy>(&self, table: usize, index: usize) -> Option<T> {
        self.at(table.checked_add(index.checked_mul(size_of::<T>())?)?)
    }

    fn segments(&self) -> Option<impl Iterator<Item = Segment>> {
        let header: Header = self.at(0)?;
        let is_elf = header.ident.starts_with(b"\x7fELF\x02\x01");
        let fits = usize::from(header.segment_size) == size_of::<Segment>();
        let count = usize::from(header.segment_count).min(SEGMENTS_MOST);
        (is_elf && fits).then(|| (0..count).map_while(move |index| self.item(header.segments, index)))
    }

    /// The segment by which the image is loaded.
    fn loaded(&self) -> Option<Segment> {
        self.segments()?.find(|segment| segment.kind == libc::PT_LOAD && segment.offset == 0)
    }

    fn tables(&self) -> Option<Tables> {
        let linked_at = self.loaded()?.address;
        let dynamic = self.segments()?.find(|segment| segment.kind == libc::PT_DYNAMIC)?;
        let start = dynamic.address.wrapping_sub(linked_at);
        let mut tables = Tables::default();
        for [key, value] in (0..DYNAMIC_ENTRIES_MOST).map_while(|index| self.item::<[usize; 2]>(start, index)) {
            let offset = value.wrapping_sub(linked_at);
            match key {
                0 => break,
                DT_SYMTAB => tables.symbols = offset,
                DT_STRTAB => tables.names = offset,
                DT_HASH => tables.count = tables.count.max(self.count_by_hash(offset)?),
                DT_GNU_HASH => tables.count = tables.count.max(self.count_by_gnu_hash(offset)?),
                _ => {}
            }
        }
        Some(tables)
    }

    /// The table holds the bucket count and the symbol count.
    fn count_by_hash(&self, table: usize) -> Option<usize> {
        self.item::<u32>(table, 1).map(|count| count as usize)
    }

    /// The table holds the bucket count, the number of the first symbol, the words of a filter, and a
    /// shift. Then come the filter, the buckets, each with the number of its first symbol, and a word
    /// for each symbol, odd for the last of a bucket.
    fn count_by_gnu_hash(&self, table: usize) -> Option<usize> {
        let [buckets, first, filter, _] = self.at::<[u32; 4]>(table)?.map(|word| word as usize);
        let start = table.checked_add(16 + filter.checked_mul(size_of::<usize>())?)?;
        let chains = start.checked_add(buckets.checked_mul(4)?)?;
        let heads = (0..buckets.min(SYMBOLS_MOST)).map_while(|index| self.item::<u32>(start, index));
        let last = heads.max().map_or(0, |head| head as usize);
        if last < first {
            return Some(first);
        }
        (last..last.checked_add(SYMBOLS_MOST)?)
            .find(|&symbol| self.item::<u32>(chains, symbol - first).is_none_or(|word| word & 1 != 0))
            .map(|symbol| symbol + 1)
    }

    /// The address of a function. `name` ends with a zero.
    fn function(&self, name: &[u8]) -> Option<usize> {
        let tables = self.tables()?;
        let linked_at = self.loaded()?.address;
        let symbols = (0..tables.count.min(SYMBOLS_MOST)).map_while(|index| self.item::<Symbol>(tables.symbols, index));
        let mut named = symbols.filter(|symbol| {
            let is_function = symbol.info & 15 == FUNCTION_KIND && symbol.section != 0;
            is_function && self.is_text(tables.names.wrapping_add(symbol.name as usize), name)
        });
        let offset = named.next()?.address.wrapping_sub(linked_at);
        (!name.is_empty() && offset < self.len).then_some(self.base + offset)
    }

    fn is_text(&self, offset: usize, text: &[u8]) -> bool {
        text.iter().enumerate().all(|(index, &byte)| self.item::<u8>(offset, index) == Some(byte))
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn copy() -> Option<Vec<u64>> {
        let image = Image::of_process()?;
        Some((0..image.len / 8).map(|index| image.item(0, index).unwrap()).collect())
    }

    fn found_in(copy: &[u64], len: usize) -> Option<usize> {
        let image = Image { base: pointer::expose(copy.as_ptr()), len };
        image.function(NAME).map(|address| address - image.base)
    }

    #[test]
    fn the_time_is_the_libcs() {
        for clock in [libc::CLOCK_MONOTONIC, libc::CLOCK_MONOTONIC_COARSE, libc::CLOCK_REALTIME] {
            let libcs = || {
                let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
                // SAFETY: the libc writes the time to a local variable.
                assert_eq!(unsafe { libc::clock_gettime(clock, &raw mut time) }, 0);
                (time.tv_sec, time.tv_nsec)
            };
            let before = libcs();
            let ours = time(clock);
            assert!(before <= (ours.tv_sec, ours.tv_nsec) && (ours.tv_sec, ours.tv_nsec) <= libcs());
        }
        let nobodys = time(1000);
        assert_eq!((nobodys.tv_sec, nobodys.tv_nsec), (0, 0));
    }

    #[test]
    fn the_function_is_where_the_loader_finds_it() {
        let Some(image) = Image::of_process() else { return };
        let expected = [c"linux-vdso.so.1", c"linux-gate.so.1"].into_iter().find_map(|library| {
            // SAFETY: asks for the kernel's image, if the loader knows it.
            let handle = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
            // SAFETY: the name ends with a zero.
            (!handle.is_null()).then(|| unsafe { libc::dlsym(handle, NAME.as_ptr().cast()) }.addr())
        });
        let found = image.function(NAME);
        assert!(found.is_some_and(|address| (image.base..image.base + image.len).contains(&address)));
        assert!(expected.is_none_or(|expected| found == Some(expected)));
        assert_eq!(image.function(b"__vdso_clock_gettim\0"), None);
        assert_eq!(image.function(b""), None);
    }

    /// Each copy ends where its memory does, so a read past its end faults and ends the test.
    #[test]
    fn nothing_outside_of_a_damaged_image_is_read() {
        let Some(whole) = copy() else { return };
        let expected = found_in(&whole, whole.len() * 8);
        assert!(expected.is_some());
        let page = 4096;
        let len = whole.len() * 8;
        let flags = int(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let total = len.next_multiple_of(page) + page;
        // SAFETY: new pages, the last of which is untouchable.
        let start = unsafe {
            let start =
                call(libc::SYS_mmap, [0, total, int(libc::PROT_READ | libc::PROT_WRITE), flags, int(-1), 0]).unwrap();
            assert_eq!(call(libc::SYS_mprotect, [start + total - page, page, int(libc::PROT_NONE)]), Ok(0));
            start
        };
        let base = start + total - page - len;
        let put = |words: &[u64]| {
            // SAFETY: within the pages mapped above.
            unsafe {
                pointer::at_mut::<u64>(base).copy_from_nonoverlapping(words.as_ptr(), words.len());
            }
        };
        let image = Image { base, len };
        let mut random = 88_172_645_463_325_252u64;
        let mut next = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        let mut lost = 0;
        for _ in 0..20_000 {
            let mut words = whole.clone();
            for _ in 0..1 + next() % 4 {
                // Most words that lead anywhere are at the start.
                let among = if next() % 4 == 0 { words.len() } else { words.len().min(200) };
                let at = usize::try_from(next()).unwrap() % among;
                words[at] = if next() % 2 == 0 { next() } else { words[at] ^ 1 << (next() % 64) };
            }
            put(&words);
            let found = image.function(NAME);
            assert!(found.is_none_or(|address| (base..base + len).contains(&address)));
            lost += usize::from(found.is_none());
        }
        assert!(lost > 1000, "{lost}");
        for len in [0, 1, 63, 64, 100, 500, 1000] {
            assert_eq!(found_in(&whole, len), None);
        }
        // SAFETY: mapped above.
        assert_eq!(unsafe { call(libc::SYS_munmap, [start, total]) }, Ok(0));
    }
}
