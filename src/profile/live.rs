//! The samples that are in use, by address.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// How many samples there is room for.
pub const LIVE: usize = 1 << 16;
/// A sample is in one of so many places from the hash of its address on.
const PLACES: usize = 64;
/// In `address`: nobody has the place; somebody is writing to it.
const FREE: u64 = 0;
const BUSY: u64 = 1;

/// A sample in use.
#[repr(C, align(64))]
pub struct Live {
    /// Its address: `FREE`, or `BUSY`, where there is none.
    pub address: AtomicU64,
    /// The index of its stack in the lower half, the number of the thread that allocated it in the upper.
    pub stack: AtomicU64,
    /// Bytes asked for.
    pub size: AtomicU64,
    /// How many blocks it stands for: see `chance`.
    pub weight: AtomicU64,
    /// The object that keeps its place; 0 for none.
    pub anchor: AtomicU64,
    /// When it was allocated, in milliseconds.
    pub born: AtomicU64,
}

/// What is known of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its address.
    pub address: usize,
    /// The index of its stack.
    pub stack: usize,
    /// The thread that allocated it.
    pub thread: u32,
    /// Bytes asked for.
    pub size: usize,
    /// How many blocks it stands for.
    pub weight: u64,
    /// The object that keeps its place; 0 for none.
    pub anchor: usize,
    /// When it was allocated, in milliseconds.
    pub born: u64,
}

fn places(address: usize) -> impl Iterator<Item = usize> {
    let hash = (address as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    (0..PLACES).map(move |step| (hash as usize + step) % LIVE)
}

/// All samples in use, by the hash of their addresses.
#[repr(C)]
pub struct Lives([Live; LIVE]);

impl Lives {
    /// Enters a sample. False if there is no room for it.
    pub fn enter(&self, sample: &Sample) -> bool {
        let claim = |&place: &usize| self.0[place].address.compare_exchange(FREE, BUSY, AcqRel, Relaxed).is_ok();
        let Some(place) = places(sample.address).find(claim) else { return false };
        let live = &self.0[place];
        live.stack.store(sample.stack as u64 | u64::from(sample.thread) << 32, Relaxed);
        live.size.store(sample.size as u64, Relaxed);
        live.weight.store(sample.weight, Relaxed);
        live.anchor.store(sample.anchor as u64, Relaxed);
        live.born.store(sample.born, Relaxed);
        live.address.store(sample.address as u64, Release);
        true
    }

    /// Takes out the sample at an address, if there is one. Only one of several callers gets it.
    pub fn leave(&self, address: usize) -> Option<Sample> {
        let place = places(address).find(|&place| self.0[place].address.load(Acquire) == address as u64)?;
        let live = &self.0[place];
        let stack = live.stack.load(Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "both halves, and what `enter` has stored")]
        let sample = Sample {
            address,
            stack: stack as u32 as usize,
            thread: (stack >> 32) as u32,
            size: live.size.load(Relaxed) as usize,
            weight: live.weight.load(Relaxed),
            anchor: live.anchor.load(Relaxed) as usize,
            born: live.born.load(Relaxed),
        };
        live.address.compare_exchange(address as u64, FREE, AcqRel, Relaxed).ok().map(|_| sample)
    }
}
