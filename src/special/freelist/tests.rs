//! A list against a model: which bytes are whose. All fits, buffers of many sizes, and copies to other addresses in
//! between.

#![allow(unsafe_code)]

use super::control::Shape;
use super::index::Index;
use super::words::Words;
use super::{BYTES_MIN, Call, List};
use crate::base::config::{GRAIN, HEADER};
use crate::heap::free_list::Fit;
use core::ptr::NonNull;
use proptest::prelude::*;
use std::alloc::{Layout, alloc, dealloc};
use std::vec::Vec;

const FITS: [Fit; 3] = [Fit::First, Fit::Best, Fit::Worst];

fn init(start: NonNull<u8>, bytes: usize, fit: Fit) -> Option<List> {
    // SAFETY: the tests' buffers are there while their lists are used.
    unsafe { List::init(start, bytes, fit, false) }
}

fn attach(start: NonNull<u8>, bytes: usize) -> Option<List> {
    // SAFETY: the same.
    unsafe { List::attach(start, bytes) }
}

fn free(list: List, block: NonNull<u8>) {
    // SAFETY: the tests use no block that they have freed.
    unsafe { list.free(block) };
}

fn fill(start: NonNull<u8>, byte: u8, n: usize) {
    // SAFETY: the caller's block has as many.
    unsafe { start.write_bytes(byte, n) };
}

fn bytes<'a>(start: NonNull<u8>, n: usize) -> &'a [u8] {
    // SAFETY: the caller's block has as many, all written.
    unsafe { core::slice::from_raw_parts(start.as_ptr(), n) }
}

fn inside(start: NonNull<u8>, offset: usize) -> NonNull<u8> {
    // SAFETY: in the tests' buffers, or just behind one.
    unsafe { start.add(offset) }
}

/// A buffer, 16-aligned and no more.
struct Buffer {
    start: NonNull<u8>,
    bytes: usize,
}

impl Buffer {
    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes + 4096, 4096).unwrap()
    }

    fn new(bytes: usize) -> Self {
        // SAFETY: the layout has a size.
        let start = NonNull::new(unsafe { alloc(Self::layout(bytes)) }).unwrap();
        fill(start, 0xa5, bytes);
        Self { start, bytes }
    }

    fn list(&self, fit: Fit) -> List {
        init(self.start, self.bytes, fit).expect("a buffer large enough")
    }

    /// A copy elsewhere, with room for more behind it.
    fn copy(&self, room: usize) -> (Self, List) {
        let copy = Self::new(self.bytes.max(room));
        // SAFETY: two buffers of at least so many bytes.
        unsafe { copy.start.copy_from_nonoverlapping(self.start, self.bytes) };
        fill(self.start, 0xee, self.bytes);
        let list = attach(copy.start, self.bytes).expect("a list is in the copy");
        (copy, list)
    }

    fn word(&self, at: usize) -> u64 {
        // SAFETY: a word of the buffer.
        unsafe { self.start.add(at).cast::<u64>().read() }
    }

    fn set_word(&self, at: usize, word: u64) {
        // SAFETY: a word of the buffer.
        unsafe { self.start.add(at).cast::<u64>().write(word) };
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: it is from `new`.
        unsafe { dealloc(self.start.as_ptr(), Self::layout(self.bytes)) };
    }
}

fn index_of(list: List) -> Index {
    let words = Words::of(list.base);
    Index { words }
}

/// What the program holds: offset, bytes asked for, and what they are filled with.
#[derive(Default)]
struct Model {
    blocks: Vec<(usize, usize, u8)>,
    seed: u8,
}

impl Model {
    fn fill(&mut self, list: List, block: NonNull<u8>, n: usize) {
        self.seed = self.seed.wrapping_add(1);
        fill(block, self.seed, n);
        self.blocks.push((list.offset(block.addr().get()).unwrap(), n, self.seed));
    }

    fn take(&mut self, list: List, pick: usize) -> Option<(NonNull<u8>, usize, u8)> {
        if self.blocks.is_empty() {
            return None;
        }
        let (at, n, seed) = self.blocks.swap_remove(pick % self.blocks.len());
        Some((list.pointer(at).unwrap(), n, seed))
    }

    fn check(&self, list: List) {
        assert_eq!(list.check(), None);
        let mut held: Vec<_> = self.blocks.iter().map(|&(at, n, _)| (at, n)).collect();
        held.sort_unstable();
        let mut row = Vec::new();
        let (mut free, mut largest) = (0, 0);
        assert!(list.walk(|block, usable, in_use| {
            if in_use {
                row.push((list.offset(block.addr().get()).unwrap(), usable));
            } else {
                free += 1;
                largest = largest.max(usable);
            }
            true
        }));
        assert_eq!(row.len(), held.len());
        for (&(at, usable), &(held_at, n)) in row.iter().zip(&held) {
            assert!(at == held_at && n <= usable);
        }
        let figures = list.figures().unwrap();
        assert_eq!((figures.blocks, figures.free_blocks, figures.largest), (held.len(), free, largest));
        assert_eq!(figures.live, row.iter().map(|(_, usable)| usable + HEADER).sum::<usize>());
        assert!(figures.peak >= figures.live && figures.live + figures.free < figures.bytes);
        for &(at, n, seed) in &self.blocks {
            let block = list.pointer(at).unwrap();
            assert!(list.owns(block.addr().get()) && list.usable_size(block) >= n);
            assert!(bytes(block, n).iter().all(|&byte| byte == seed));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Malloc(usize),
    Calloc(usize),
    Aligned(u32, usize),
    Realloc(usize, usize),
    Free(usize),
    Copy,
    Grow(usize),
    Recover,
}

fn step(most: usize) -> impl Strategy<Value = Step> {
    let size = prop_oneof![4 => 0..200usize, 2 => 0..most / 8, 1 => 0..most];
    prop_oneof![
        8 => size.clone().prop_map(Step::Malloc),
        2 => size.clone().prop_map(Step::Calloc),
        3 => (0..10u32, size.clone()).prop_map(|(log, n)| Step::Aligned(log, n)),
        5 => (any::<usize>(), size).prop_map(|(pick, n)| Step::Realloc(pick, n)),
        9 => any::<usize>().prop_map(Step::Free),
        1 => Just(Step::Copy),
        1 => (0..300usize).prop_map(Step::Grow),
        1 => Just(Step::Recover),
    ]
}

/// The free block that the policy names for a block of `need` bytes: its size, and where that is said its offset.
fn wanted(list: List, fit: Fit, need: usize) -> Option<(usize, Option<usize>)> {
    let mut free = Vec::new();
    list.walk(|block, usable, in_use| {
        if !in_use && usable + HEADER >= need {
            free.push((usable + HEADER, list.offset(block.addr().get()).unwrap()));
        }
        true
    });
    let found = match fit {
        Fit::First => free.first().copied()?,
        Fit::Best => free.into_iter().min()?,
        Fit::Worst => free.iter().copied().max_by_key(|&(size, at)| (size, usize::MAX - at))?,
    };
    // In a bin the block freed last comes first.
    Some((found.0, (index_of(list).bin(found.0).is_none()).then_some(found.1)))
}

fn malloc_as_the_policy_says(list: List, fit: Fit, n: usize) -> Option<NonNull<u8>> {
    let wanted = wanted(list, fit, index_of(list).shape().size_for(n).unwrap());
    let before = list.figures().unwrap();
    let block = list.malloc(n);
    assert_eq!(block.is_some(), wanted.is_some(), "served where there is room, and only there");
    if let (Some(block), Some((size, Some(at)))) = (block, wanted) {
        assert_eq!(list.offset(block.addr().get()), Some(at));
        assert!(list.usable_size(block) + HEADER <= size && before.largest >= size - HEADER);
    }
    block
}

fn run(fit: Fit, size: usize, steps: Vec<Step>) {
    let mut buffer = Buffer::new(size);
    let mut list = buffer.list(fit);
    let mut model = Model::default();
    for (count, step) in steps.into_iter().enumerate() {
        match step {
            Step::Malloc(n) => {
                if let Some(block) = malloc_as_the_policy_says(list, fit, n) {
                    assert!(block.addr().get() % GRAIN == 0);
                    model.fill(list, block, n);
                }
            }
            Step::Calloc(n) => {
                if let Some(block) = list.calloc(n, 3) {
                    assert!(bytes(block, 3 * n).iter().all(|&byte| byte == 0));
                    model.fill(list, block, 3 * n);
                }
            }
            Step::Aligned(log, n) => {
                if let Some(block) = list.aligned_alloc(1 << log, n) {
                    assert!(block.addr().get() % (1 << log) == 0);
                    model.fill(list, block, n);
                }
            }
            Step::Realloc(pick, n) => {
                if let Some((block, old, seed)) = model.take(list, pick) {
                    // SAFETY: the block is not used any more.
                    match unsafe { list.realloc(block, n) } {
                        Some(new) => {
                            let kept = bytes(new, n.min(old));
                            assert!(kept.iter().all(|&byte| byte == seed));
                            model.fill(list, new, n);
                        }
                        None => model.blocks.push((list.offset(block.addr().get()).unwrap(), old, seed)),
                    }
                }
            }
            Step::Free(pick) => {
                if let Some((block, _, _)) = model.take(list, pick) {
                    free(list, block);
                }
            }
            Step::Copy => (buffer, list) = buffer.copy(0),
            Step::Grow(more) => {
                let (copy, _) = buffer.copy(buffer.bytes + more);
                buffer = copy;
                list = attach(buffer.start, buffer.bytes).unwrap();
                assert!(list.grow(buffer.bytes) && list.bytes() <= buffer.bytes);
            }
            Step::Recover => assert!(list.recover()),
        }
        if count % 8 == 0 {
            model.check(list);
        }
    }
    while let Some((block, _, _)) = model.take(list, 0) {
        free(list, block);
    }
    model.check(list);
    assert_eq!(list.figures().unwrap().free_blocks, 1);
}

fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 48 })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn agrees_with_a_model(size in prop_oneof![BYTES_MIN..1000, 1000usize..20_000, 60_000usize..140_000],
                           fit in 0..3usize, steps in proptest::collection::vec(step(8000), 1..if cfg!(miri) { 30 } else { 600 })) {
        run(FITS[fit], size, steps);
    }
}

/// A list with blocks of all kinds, some free, and which these are.
fn busy(fit: Fit, bytes: usize) -> (Buffer, List, Model) {
    let buffer = Buffer::new(bytes);
    let list = buffer.list(fit);
    let mut model = Model::default();
    let mut state = 88_172_645_463_325_252u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 11).unwrap()
    };
    for _ in 0..bytes / 24 {
        if next() % 5 < 3 {
            let n = next() % 300;
            if let Some(block) = list.malloc(n) {
                model.fill(list, block, n);
            }
        } else if let Some((block, _, _)) = model.take(list, next()) {
            free(list, block);
        }
    }
    model.check(list);
    (buffer, list, model)
}

mod damage;

#[test]
fn what_is_no_list_is_not_found() {
    let buffer = Buffer::new(4096);
    assert!(attach(buffer.start, 4096).is_none());
    let list = buffer.list(Fit::Best);
    assert_eq!(attach(buffer.start, 4096), Some(list));
    assert!(attach(buffer.start, 4095).is_none(), "a part of it");
    assert!(attach(inside(buffer.start, 8), 4088).is_none());
    for at in [0, 8, 16] {
        let word = buffer.word(at);
        buffer.set_word(at, word ^ 1 << 40);
        assert!(attach(buffer.start, 4096).is_none(), "{at}");
        buffer.set_word(at, word);
    }
    assert!(init(buffer.start, BYTES_MIN - 1, Fit::Best).is_none());
    assert!(init(inside(buffer.start, 8), 1024, Fit::Best).is_none());
}

#[test]
fn the_smallest_buffer_serves() {
    for fit in FITS {
        let buffer = Buffer::new(BYTES_MIN);
        let list = buffer.list(fit);
        let all = list.figures().unwrap().largest;
        assert!(all >= 112, "{all}");
        let block = list.malloc(all).unwrap();
        assert!(list.malloc(0).is_none() && list.figures().unwrap().largest == 0);
        free(list, block);
        assert!(list.malloc(all + 1).is_none() && list.malloc(usize::MAX).is_none());
        assert!(list.calloc(usize::MAX, 2).is_none() && list.aligned_alloc(1 << 63, 1).is_none());
        assert!(list.aligned_alloc(48, 1).is_none());
        let two = [list.malloc(0).unwrap(), list.malloc(0).unwrap()];
        assert_ne!(two[0], two[1]);
        assert_eq!(list.check(), None);
    }
}

#[test]
fn shapes_hold_what_they_are_made_of() {
    for fit in FITS {
        for bytes in [BYTES_MIN, 4096, 1 << 20, 16 << 30, super::control::BYTES_MAX] {
            let shape = Shape::new(bytes & !15, fit);
            assert_eq!((shape.end(), shape.fit()), (bytes & !15, fit));
            assert!(shape.first() + shape.min() <= shape.end() && shape.bins() <= 256);
            assert_eq!(shape.with_end(1 << 30).end(), 1 << 30);
        }
    }
}

fn report_of(work: impl FnOnce() + std::panic::UnwindSafe) -> std::string::String {
    let panic = std::panic::catch_unwind(work).expect_err("a report");
    panic.downcast_ref::<std::string::String>().cloned().unwrap()
}

#[test]
fn misuse_is_reported() {
    for fit in FITS {
        let buffer = Buffer::new(4096);
        let list = buffer.list(fit);
        let blocks: Vec<_> = (0..6).map(|_| list.malloc(104).unwrap()).collect();
        let wrong = |block: NonNull<u8>| report_of(move || free(list, block));
        free(list, blocks[1]);
        assert!(wrong(blocks[1]).contains("M001 double free"));
        assert!(wrong(inside(blocks[2], 16)).contains("M003 interior pointer: metes_freelist_free"));
        assert!(wrong(inside(blocks[2], 1)).contains("1 bytes into the block of 104 bytes"));
        assert!(wrong(list.buffer()).contains("in the control block"));
        assert!(wrong(inside(list.buffer(), 4096)).contains("M004 foreign pointer"));
        let freed = blocks[1];
        assert!(report_of(move || assert_eq!(list.usable_size(freed), 0)).contains("M002 freed pointer"));
        free(list, blocks[2]);
        assert!(wrong(blocks[2]).contains("M001 double free"), "merged");
        assert!(wrong(blocks[1]).contains("M001 double free"), "merged");
        assert_eq!(list.check(), None);
        fill(inside(blocks[3], 104), 7, 8);
        assert!(wrong(blocks[3]).contains("M005 header overwritten"));
        assert!(wrong(blocks[4]).contains("M005 header overwritten"));
        fill(blocks[1], 7, 8);
        if fit != Fit::Worst {
            assert!(report_of(move || assert!(list.malloc(104).is_none())).contains("M006 free block written to"));
        }
    }
}

#[test]
fn a_busy_list_is_refused() {
    let buffer = Buffer::new(4096);
    let list = buffer.list(Fit::Best);
    let block = list.malloc(10).unwrap();
    buffer.set_word(super::control::STATE_AT, Call::Malloc as u64);
    assert!(report_of(move || free(list, block)).contains("metes_freelist_malloc is under way"));
    assert!(list.recover());
    free(list, block);
}
