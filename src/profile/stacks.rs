//! The stacks of samples, each once, and what was allocated there.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// How many stacks there is room for.
pub const STACKS: usize = 1 << 14;
/// The most frames of a stack that are kept: the innermost.
pub const FRAMES: usize = 56;
/// A stack is in one of so many places from its hash on.
const PLACES: usize = 32;
/// In milliseconds: how long a sample may have lived to be counted in each place of `lived`; longer ones in the last.
pub const LIVED: [u64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// A stack. Counts are weights: see `chance`. What is allocated and not freed is in use.
#[repr(C)]
pub struct Stack {
    /// Of the frames; 0 if the place is free.
    pub hash: AtomicU64,
    /// How many frames there are; 0 until they are all there. The top bit says that the stack is longer.
    pub len: AtomicU64,
    /// Samples so far.
    pub samples: AtomicU64,
    /// Blocks, and bytes, allocated.
    pub allocated: [AtomicU64; 2],
    /// Blocks, and bytes, freed.
    pub freed: [AtomicU64; 2],
    /// The sum of the freed samples' lives in milliseconds.
    pub lives: AtomicU64,
    /// Blocks and bytes in use at the last peak, and at the one before: see `Head::peaks`.
    pub peaks: [[AtomicU64; 2]; 2],
    /// How many samples lived how long, two places of 32 bits in a word: see `LIVED`.
    pub lived: [AtomicU64; 4],
    /// The return addresses, innermost first.
    pub frames: [AtomicU64; FRAMES],
}

const _: () = assert!(size_of::<Stack>() == 576);
const LONGER: u64 = 1 << 63;

/// Which places have had a stack, a bit each: most are never used, and a walk over all touches all their pages.
static USED: [AtomicU64; STACKS / 64] = [const { AtomicU64::new(0) }; STACKS / 64];

/// All stacks, by the hash of their frames.
#[repr(C)]
pub struct Stacks([Stack; STACKS]);

impl Stacks {
    /// The stack with an index.
    pub fn get(&self, index: usize) -> Option<&Stack> {
        self.0.get(index)
    }

    /// Notes what is in use now, everywhere.
    pub fn note_peak(&self, turn: u64) {
        for (stacks, used) in self.0.chunks(64).zip(&USED) {
            let mut left = used.load(Relaxed);
            while left != 0 {
                let stack = &stacks[left.trailing_zeros() as usize];
                // The stack may be of a profile that a forked child has left.
                if stack.is_used() {
                    stack.note_peak(turn);
                }
                left &= left - 1;
            }
        }
    }

    /// The index of a stack, which is kept from now on; `None` if it is empty, or there is no room.
    pub fn add(&self, frames: &[usize]) -> Option<usize> {
        let kept = &frames[..frames.len().min(FRAMES)];
        let hash = hash(kept);
        if kept.is_empty() {
            return None;
        }
        (0..PLACES).map(|step| (hash as usize + step) % STACKS).find(|&place| {
            let stack = &self.0[place];
            match stack.hash.compare_exchange(0, hash, AcqRel, Acquire) {
                Ok(_) => {
                    stack.frames.iter().zip(kept).for_each(|(to, &frame)| to.store(frame as u64, Relaxed));
                    let longer = if frames.len() > FRAMES { LONGER } else { 0 };
                    stack.len.store(kept.len() as u64 | longer, Release);
                    USED[place / 64].fetch_or(1 << (place % 64), Relaxed);
                    true
                }
                // Two stacks with one hash of 64 bits count as one.
                Err(known) => known == hash,
            }
        })
    }
}

impl Stack {
    /// Whether there is a stack.
    fn is_used(&self) -> bool {
        self.len.load(Acquire) != 0
    }

    /// Counts a sample.
    pub fn count(&self, weight: u64, bytes: u64) {
        self.samples.fetch_add(1, Relaxed);
        self.allocated[0].fetch_add(weight, Relaxed);
        self.allocated[1].fetch_add(bytes, Relaxed);
    }

    /// Counts a sample that was freed after so many milliseconds.
    pub fn count_free(&self, weight: u64, bytes: u64, lived: u64) {
        self.freed[0].fetch_add(weight, Relaxed);
        self.freed[1].fetch_add(bytes, Relaxed);
        self.lives.fetch_add(lived, Relaxed);
        let place = LIVED.iter().position(|&most| lived < most).unwrap_or(LIVED.len());
        self.lived[place / 2].fetch_add(1 << (32 * (place % 2)), Relaxed);
    }

    /// Notes what is in use now.
    fn note_peak(&self, turn: u64) {
        let peak = &self.peaks[(turn % 2) as usize];
        for (to, (allocated, freed)) in peak.iter().zip(self.allocated.iter().zip(&self.freed)) {
            to.store(allocated.load(Relaxed).saturating_sub(freed.load(Relaxed)), Relaxed);
        }
    }
}

/// Never 0.
fn hash(frames: &[usize]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let hash = frames.iter().fold(frames.len() as u64, |hash, &frame| {
        let mixed = (hash.rotate_left(23) ^ frame as u64).wrapping_mul(K);
        mixed ^ mixed >> 32
    });
    hash.wrapping_mul(K) | 1
}
