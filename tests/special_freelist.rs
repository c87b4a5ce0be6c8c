//! `metes::FreeList` from outside, in a program whose own heap is metes.

#![allow(unsafe_code)]

use std::alloc::Layout;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use metes::{Fit, FreeList, Metes};
use proptest::prelude::*;

#[global_allocator]
static GLOBAL: Metes = Metes;

fn buffer(bytes: usize) -> Vec<MaybeUninit<u8>> {
    vec![MaybeUninit::uninit(); bytes]
}

#[test]
fn values_live_in_the_buffer_and_go_back() {
    let mut bytes = buffer(10_000);
    let range = bytes.as_ptr_range();
    let list = FreeList::new(&mut bytes, Fit::First).unwrap();
    let drops = Cell::new(0);
    struct Counts<'a>(&'a Cell<i32>, [u8; 100]);
    impl Drop for Counts<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let boxes: Vec<_> = (0..10).map(|n| list.boxed(Counts(&drops, [n; 100])).ok().unwrap()).collect();
    assert!(boxes.iter().all(|one| range.contains(&(&raw const **one).cast())));
    assert!(boxes.iter().zip(0..).all(|(one, n)| one.1 == [n; 100]));
    assert_eq!((list.stats().blocks, list.check()), (10, None));
    drop(boxes);
    assert_eq!((drops.get(), list.stats().blocks, list.stats().free_blocks), (10, 0, 1));
    let too_large = list.boxed([1u8; 20_000]);
    assert_eq!(too_large.unwrap_err()[..], [1; 20_000]);
}

#[test]
fn small_and_odd_buffers() {
    assert!(FreeList::new(&mut buffer(FreeList::BYTES_MIN - 1), Fit::Best).is_none());
    assert!(FreeList::new(&mut [], Fit::Best).is_none());
    let mut bytes = buffer(2000);
    for skip in 0..40 {
        let list = FreeList::new(&mut bytes[skip..], Fit::Worst).unwrap();
        let text = list.copied(b"some text").unwrap();
        assert_eq!(*text, *b"some text");
    }
}

#[repr(align(256))]
#[derive(Debug)]
struct Aligned(u8);

#[test]
fn alignments_hold() {
    let mut bytes = buffer(10_000);
    let list = FreeList::new(&mut bytes, Fit::Best).unwrap();
    let value = list.boxed(Aligned(7)).unwrap();
    assert!((&raw const *value).addr().is_multiple_of(256) && value.0 == 7);
    let layout = Layout::from_size_align(10, 128).unwrap();
    let block = list.allocate(layout).unwrap();
    // SAFETY: the block has as many.
    unsafe { block.write_bytes(9, 10) };
    // SAFETY: it is a block for that layout, and only the new one is used.
    let grown = unsafe { list.reallocate(block, layout, 2000) }.unwrap();
    assert!(grown.addr().get().is_multiple_of(128));
    // SAFETY: the block has as many bytes, all written.
    assert_eq!(unsafe { std::slice::from_raw_parts(grown.as_ptr(), 10) }, [9; 10]);
    // SAFETY: it is not used any more.
    unsafe { list.deallocate(grown) };
    drop(value);
    assert_eq!((list.stats().blocks, list.check()), (0, None));
}

#[test]
fn a_copied_buffer_is_a_list_too() {
    let mut from = vec![0u128; 1000];
    let start = NonNull::new(from.as_mut_ptr().cast::<u8>()).unwrap();
    // SAFETY: the buffer is there for as long as the list, and nothing else uses it.
    let list = unsafe { FreeList::from_raw(start, 16_000, Fit::Best) }.unwrap();
    let text = list.copied(b"carried over").unwrap();
    let offset = list.offset(text.as_ptr()).unwrap();
    std::mem::forget(text);
    let mut to = vec![0u128; 2000];
    to[..1000].copy_from_slice(&from);
    let there = NonNull::new(to.as_mut_ptr().cast::<u8>()).unwrap();
    // SAFETY: the buffer is there for as long as the list, and nothing else uses it.
    let mut copy = unsafe { FreeList::attach(there, 16_000) }.unwrap();
    let block = copy.pointer(offset).unwrap();
    // SAFETY: the block has as many bytes, all written.
    assert_eq!(unsafe { std::slice::from_raw_parts(block.as_ptr(), 12) }, b"carried over");
    assert!(copy.owns(block.as_ptr()) && copy.unfinished().is_none());
    // SAFETY: the buffer has as many.
    assert!(unsafe { copy.grow(32_000) } && copy.stats().largest > 30_000);
    // SAFETY: it is not used any more.
    unsafe { copy.deallocate(block) };
    assert!(copy.recover() && copy.check().is_none());
    let mut seen = 0;
    assert!(copy.walk(|_, _, in_use| {
        seen += 1;
        !in_use
    }));
    assert_eq!(seen, 1);
}

#[test]
fn a_list_goes_to_another_thread() {
    let mut bytes = buffer(10_000);
    let list = FreeList::new(&mut bytes, Fit::Best).unwrap();
    let blocks = std::thread::scope(|scope| {
        scope.spawn(move || list.boxed(5).map(|five| *five + list.stats().blocks).unwrap_or_default()).join().unwrap()
    });
    assert_eq!(blocks, 6);
}

/// More than 4 GiB: offsets need more than 32 bits. Pages that nobody writes to are never there.
#[test]
fn a_buffer_of_twenty_gibibytes() {
    const BYTES: usize = 20 << 30;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a mapping of our own.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), BYTES, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    assert_ne!(start, libc::MAP_FAILED);
    // SAFETY: the buffer is there for as long as the list, and nothing else uses it.
    let list = unsafe { FreeList::from_raw(NonNull::new(start.cast()).unwrap(), BYTES, Fit::Best) }.unwrap();
    let layout = |bytes: usize| Layout::from_size_align(bytes, 16).unwrap();
    let large: Vec<_> = (0..4).map(|n| list.allocate(layout((n + 1) << 30)).unwrap()).collect();
    let high = list.copied(b"far up").unwrap();
    assert!(list.offset(high.as_ptr()).unwrap() > 10 << 30);
    // SAFETY: it is not used any more.
    unsafe { list.deallocate(large[1]) };
    // SAFETY: it is not used any more.
    unsafe { list.deallocate(large[2]) };
    assert_eq!(list.check(), None);
    assert!(list.stats().free > 14 << 30 && list.stats().free_blocks == 2);
    assert_eq!(*high, *b"far up");
    drop(high);
    // SAFETY: the buffer is there for as long as the list, and nothing else uses it.
    unsafe { libc::munmap(start, BYTES) };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn many_values(fit in 0..3usize, sizes in proptest::collection::vec((0..500usize, any::<u8>(), any::<bool>()), 1..200)) {
        let mut bytes = buffer(30_000);
        let list = FreeList::new(&mut bytes, [Fit::First, Fit::Best, Fit::Worst][fit]).unwrap();
        let mut held = Vec::new();
        for (n, byte, drops) in sizes {
            if let Some(value) = list.copied(&vec![byte; n]) {
                held.push((value, n, byte));
            }
            if drops {
                held.swap_remove(n % held.len());
            }
        }
        prop_assert_eq!(list.check(), None);
        prop_assert!(held.iter().all(|(value, n, byte)| value.len() == *n && value.iter().all(|other| other == byte)));
    }
}
