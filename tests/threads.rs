//! Threads at once on the library's Rust API: blocks change hands, threads end and are replaced, and another thread
//! checks and trims the heaps meanwhile. `scripts/tsan` runs it under ThreadSanitizer too.

#![allow(unsafe_code)]

use metes::Metes;
use metes::internals::{give_back, tuning, usable};
use parking_lot::Mutex;
use std::alloc::{GlobalAlloc, Layout};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::{env, slice, thread};

const THREADS: u64 = 4;
/// Sizes of objects of slabs. A thread cache holds these, and the medium blocks.
const SMALL: Range<usize> = 1..1024;
const LARGE_OBJECTS: Range<usize> = 1024..32 << 10;
const MEDIUM: Range<usize> = 40 << 10..200 << 10;
const MAPPINGS: Range<usize> = 256 << 10..1 << 20;

/// How often a loop runs: `METES_SOAK` makes it twenty times as often. Under ThreadSanitizer a quarter is enough: it
/// sees that two accesses are unordered even if they do not come at the same moment, so each kind of access only has to
/// come. It remembers recent ones alone.
fn rounds(quick: usize) -> usize {
    let quick = if cfg!(tsan) { quick / 4 } else { quick };
    if env::var_os("METES_SOAK").is_some() { 20 * quick } else { quick }
}

struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % end
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn size(&mut self) -> usize {
        let sizes = match self.below(256) {
            0 => MAPPINGS,
            1..5 => MEDIUM,
            5..20 => LARGE_OBJECTS,
            _ => SMALL,
        };
        sizes.start + self.below(sizes.len())
    }

    fn align(&mut self) -> usize {
        if self.one_in(16) { 16 << self.below(9) } else { 1 << self.below(5) }
    }
}

/// A block filled with a byte of its own. The byte has to be there when the block is given back, wherever that is.
struct Block {
    start: *mut u8,
    layout: Layout,
    fill: u8,
}

// SAFETY: a block has one owner at a time.
unsafe impl Send for Block {}

impl Block {
    fn new(random: &mut Random) -> Self {
        let layout = Layout::from_size_align(random.size(), random.align()).unwrap();
        let zeroed = random.one_in(4);
        // SAFETY: no size is zero.
        let start = unsafe { if zeroed { Metes.alloc_zeroed(layout) } else { Metes.alloc(layout) } };
        assert!(!start.is_null() && start.addr().is_multiple_of(layout.align()));
        let mut block = Self { start, layout, fill: 0 };
        if zeroed {
            block.verify(layout.size());
        }
        block.paint(random);
        block
    }

    /// Fills the whole block anew, in one piece: a sanitizer sees every byte.
    fn paint(&mut self, random: &mut Random) {
        self.fill = u8::try_from(random.below(256)).unwrap();
        // SAFETY: the block has so many bytes, and belongs to `self`.
        unsafe { self.start.write_bytes(self.fill, self.layout.size()) };
    }

    /// Checks the first `len` bytes, but only some of them where there are many.
    fn verify(&self, len: usize) {
        // SAFETY: the block has so many bytes, and belongs to `self`.
        let bytes = unsafe { slice::from_raw_parts(self.start, len) };
        let step = if len <= 1024 { 1 } else { 61 };
        let right = bytes.iter().step_by(step).chain(bytes.last()).all(|&byte| byte == self.fill);
        assert!(right, "{len} bytes at {:p} are not all {}", self.start, self.fill);
    }

    fn resize(&mut self, random: &mut Random) {
        let (old, size) = (self.layout.size(), random.size());
        // SAFETY: the layout is the block's, and no size is zero.
        let moved = unsafe { Metes.realloc(self.start, self.layout, size) };
        assert!(!moved.is_null());
        self.start = moved;
        self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
        self.verify(old.min(size));
        self.paint(random);
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.verify(self.layout.size());
        assert!(usable::usable_size(self.start) >= self.layout.size());
        // SAFETY: the layout is the block's, and `self` was its only owner.
        unsafe { Metes.dealloc(self.start, self.layout) };
    }
}

/// Places where threads leave blocks for others to find.
struct Shared(Vec<Mutex<Option<Block>>>);

impl Shared {
    fn new(slots: usize) -> Self {
        Self((0..slots).map(|_| Mutex::new(None)).collect())
    }

    fn swap(&self, random: &mut Random, block: Block) -> Option<Block> {
        self.0[random.below(self.0.len())].lock().replace(block)
    }
}

/// Replaces blocks at random, the thread's own and now and then a shared one.
fn churn(random: &mut Random, shared: &Shared, rounds: usize) {
    let mut own: Vec<Block> = (0..64).map(|_| Block::new(random)).collect();
    for _ in 0..rounds {
        let which = random.below(own.len());
        if random.one_in(4) {
            let block = own.swap_remove(which);
            own.push(shared.swap(random, block).unwrap_or_else(|| Block::new(random)));
        } else if random.one_in(4) {
            own[which].resize(random);
        } else {
            own[which] = Block::new(random);
        }
        if random.one_in(4096) {
            tuning::trim();
        }
    }
}

fn assert_sound() {
    if let Err(broken) = metes::check() {
        panic!("{broken:?}");
    }
}

/// Runs `work` on so many threads, each with a number, while another checks the heaps and gives free memory back.
fn watched(threads: u64, work: impl Fn(u64) + Sync) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut turn = 0;
            while !done.load(Ordering::Relaxed) {
                let stats = metes::stats();
                assert!(stats.heaps.held <= stats.heaps.peak_held && stats.mappings.bytes <= stats.mappings.peak_bytes);
                match turn % 8 {
                    0 => assert_sound(),
                    4 => assert!(tuning::trim() < 1 << 40),
                    6 => assert!(give_back::release_regions_for(1 << 20) < 1 << 40),
                    _ => thread::yield_now(),
                }
                turn += 1;
            }
        });
        let workers: Vec<_> = (0..threads)
            .map(|number| {
                scope.spawn({
                    let work = &work;
                    move || work(number)
                })
            })
            .collect();
        let ended: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap();
        ended.into_iter().for_each(|ended| ended.unwrap());
    });
    assert_sound();
}

#[test]
fn blocks_change_hands_through_shared_slots() {
    let shared = Shared::new(256);
    watched(THREADS, |number| churn(&mut Random::new(number), &shared, rounds(60_000)));
}

/// Another thread, which may have the cache of an ended one, frees the blocks that the ended thread left.
#[test]
fn threads_end_and_are_replaced() {
    let shared = Shared::new(512);
    watched(THREADS, |number| {
        for generation in 0..rounds(120) as u64 {
            let seed = generation * THREADS + number;
            thread::scope(|scope| scope.spawn(|| churn(&mut Random::new(seed), &shared, 300)).join()).unwrap();
        }
    });
}

/// Half of the threads only allocate, the others only free: all blocks go home through the remote buffers and the
/// arenas.
#[test]
fn what_producers_make_consumers_free() {
    watched(THREADS / 2, |number| {
        let (give, take) = sync_channel::<Vec<Block>>(8);
        thread::scope(|scope| {
            scope.spawn(move || take.into_iter().for_each(drop));
            let mut random = Random::new(number);
            for _ in 0..rounds(1000) {
                let batch = (0..random.below(64)).map(|_| Block::new(&mut random)).collect();
                give.send(batch).unwrap();
            }
            drop(give);
        });
    });
}
