//! Stacks that were walked before.
//!
//! Where a walk leads follows from the registers and from the words that it reads. So a thread that keeps these words need
//! not walk again while they are the same: comparing them takes a tenth of the time.

use super::log::Log;
use super::machine::Registers;
use super::memory::Memory;
use core::cell::Cell;

/// How many walks a thread keeps: in sets, by where the stack began, and some for each of these places.
const SETS: usize = 32;
const WAYS: usize = 4;

/// A walk, and the number that its caller has given to the stack.
pub(super) struct Walked {
    /// The stack pointer that it began with; 0 if there is none.
    sp: Cell<usize>,
    number: Cell<u32>,
    /// In the first of a set: which one goes next.
    turn: Cell<u32>,
    log: Log,
}

/// The last walks of a thread. Zeroes are none.
pub struct Walks([[Walked; WAYS]; SETS]);

const _: () = assert!(size_of::<Walked>() <= 1 << 10);

impl Walks {
    fn set(&self, sp: usize) -> &[Walked; WAYS] {
        &self.0[sp / 16 % SETS]
    }

    /// The number of the stack that begins with these registers, if it was walked before and is as it was.
    #[inline]
    pub(super) fn known(&self, start: &Registers, memory: impl Fn() -> Memory<'static>) -> Option<u32> {
        let &Registers { sp, fp, .. } = start;
        let is_it = |walked: &&Walked| walked.sp.get() == sp && walked.is_as_it_was(fp, &mut memory());
        self.set(sp).iter().find(is_it).map(|walked| walked.number.get())
    }

    /// A place for a new walk, which forgets another one.
    pub(super) fn begin(&self, sp: usize) -> &Walked {
        let set = self.set(sp);
        let turn = set[0].turn.get();
        set[0].turn.set(turn.wrapping_add(1));
        let walked = set.iter().find(|walked| walked.sp.get() == 0).unwrap_or(&set[turn as usize % WAYS]);
        walked.sp.set(0);
        walked.log.begin();
        walked
    }
}

impl Walked {
    /// Where the words of the walk are kept.
    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// Whether all words are what they were.
    fn is_as_it_was(&self, fp: usize, memory: &mut Memory<'_>) -> bool {
        self.log.words().all(|word| match word {
            (0, at_start) => at_start == fp,
            (address, word) => memory.word(address) == Some(word),
        })
    }

    /// Keeps a walk that is done.
    pub(super) fn keep(&self, sp: usize, number: u32) {
        if self.log.is_whole() {
            self.number.set(number);
            self.sp.set(sp);
        }
    }
}
