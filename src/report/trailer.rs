//! The trailer: what a checked block has behind the bytes that were asked for.
//!
//! ```text
//!     start                    start + n              words            end
//!     | the program's n bytes  | canaries, 0 or more  | stacks |  word  |
//!                                                       0 or 16    8
//!     word     = slack 32 bits (end - start - n), freed 1, family 2, log2 of the alignment 6, hidden 1, check
//!     stacks   = of the allocation and of the free: number in the depot 32, thread 32
//! ```
//!
//! The checksummed word stands at the block's end. The heap knows the end, so the word is found from the block's start.
//! The canaries begin at the first byte that was not asked for. An overflow of one byte changes a canary or the word.

#![allow(unsafe_code)]

use crate::base::config::GRAIN;
use crate::base::family::Family;
use crate::base::{align, checksum, pointer};
use crate::process::options;
use crate::slab::vacant::{self, BITS};
use crate::sys::linux::Linux;
use crate::sys::{mmap, thread, valgrind};
use crate::trace::depot::Depot;
use crate::trace::unwind;
use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU64, Ordering};

/// Says that the block was freed.
pub(super) const FREED: u64 = 1 << 32;
const FAMILY_SHIFT: u32 = 33;
const ALIGN_SHIFT: u32 = 35;
const ALIGN_MASK: u64 = 63;
const HIDDEN: u64 = 1 << 41;

/// The fewest canaries of a block where calls are remembered: the words behind the canaries have no checksum.
const CANARIES_MIN: usize = 16;

/// What freed bytes are filled with.
pub const FILL: u8 = 0x5a;
const FREED_WORD: u64 = u64::from_ne_bytes([FILL; 8]);

/// The stacks of all checked blocks.
pub static STACKS: Depot = Depot::new();

/// Which thread made an allocation or a free, and from where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// The number of its stack in the depot; 0: unknown.
    pub stack: u32,
    /// The thread's number.
    pub thread: u32,
}

/// A checked block: where it starts and where it ends. It is all that the heap gave for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckedBlock {
    /// The first address, which is the program's pointer.
    pub start: usize,
    /// The address behind the last byte.
    pub end: usize,
}

/// What the checksummed word says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// Bytes that were asked for.
    pub size: usize,
    /// The alignment that was asked for; `GRAIN` if none was.
    pub align: usize,
    /// What allocated the block.
    pub family: Family,
    /// Whether the block has been freed.
    pub freed: bool,
    /// Whether its whole pages cannot be touched meanwhile.
    pub hidden: bool,
    /// The word itself; 0 for facts that are not in a word.
    raw: u64,
}

/// The fewest bytes that a block has behind what was asked for.
pub fn overhead() -> usize {
    if options::remembers_calls() { CANARIES_MIN + 3 * 8 } else { 8 }
}

fn word(address: usize) -> &'static AtomicU64 {
    // SAFETY: callers pass words of blocks of ours, which are mapped, 8-aligned and exposed.
    unsafe { pointer::to_ref(address) }
}

/// The canaries of the word at an address, the first one lowest. They are never zero and never
/// ASCII, and not the same everywhere.
fn canaries(at: usize) -> u64 {
    let mixed = (at as u64 ^ checksum::secret()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 32) | 0x8080_8080_8080_8080
}

impl Facts {
    /// The facts of a block in use.
    pub fn new(size: usize, align: usize, family: Family) -> Self {
        Self { size, align: align.max(GRAIN), family, freed: false, hidden: false, raw: 0 }
    }
}

impl Call {
    /// An unknown call.
    pub const NOBODY: Self = Self { stack: 0, thread: 0 };
}

impl CheckedBlock {
    fn word_at(self) -> usize {
        self.end - 8
    }

    /// Where the canaries end.
    fn words_at(self) -> usize {
        if options::remembers_calls() { self.end - 3 * 8 } else { self.word_at() }
    }

    fn content(self, facts: Facts) -> u64 {
        let slack = (self.end - self.start - facts.size) as u64;
        debug_assert!(slack <= u64::from(u32::MAX));
        let freed = if facts.freed { FREED } else { 0 };
        let hidden = if facts.hidden { HIDDEN } else { 0 };
        let align = u64::from(facts.align.trailing_zeros());
        slack | freed | (facts.family as u64) << FAMILY_SHIFT | align << ALIGN_SHIFT | hidden
    }

    /// Makes the block one in use.
    pub fn begin(self, size: usize, align: usize, family: Family, call: Call) {
        if options::remembers_calls() {
            self.set_calls(call, Call::NOBODY);
        }
        self.fill_canaries(size);
        word(self.word_at()).store(self.word(Facts::new(size, align, family)), Ordering::Release);
    }

    fn fill_canaries(self, size: usize) {
        if valgrind::listens() {
            return;
        }
        for (at, mask) in self.slack(size) {
            let word = word(at);
            // No other thread writes to the bytes of this word that were asked for: the block is
            // new, or its owner resizes it.
            word.store((word.load(Relaxed).to_le() & !mask | canaries(at) & mask).to_le(), Relaxed);
        }
    }

    /// The words behind `size` bytes and before the words with a meaning. A mask says which bytes
    /// of each are behind, the first one lowest.
    fn slack(self, size: usize) -> impl Iterator<Item = (usize, u64)> {
        let from = self.start + size;
        let words = (align::down(from, 8)..self.words_at()).step_by(8);
        words.map(move |at| (at, u64::MAX << (8 * from.saturating_sub(at))))
    }

    /// What the checksummed word says, or else the word that stands there.
    pub fn facts(self) -> Result<Facts, u64> {
        let raw = word(self.word_at()).load(Ordering::Acquire);
        let low = checksum::verify::<BITS>(self.word_at(), raw).filter(|&low| !vacant::is(low)).ok_or(raw)?;
        let slack = low as u32 as usize;
        let family = Family::of((low >> FAMILY_SHIFT & 3) as u8);
        let size = (self.end - self.start).checked_sub(slack).ok_or(raw)?;
        let align = 1 << (low >> ALIGN_SHIFT & ALIGN_MASK);
        Ok(Facts { size, align, family, freed: low & FREED != 0, hidden: low & HIDDEN != 0, raw })
    }

    /// Whether the block may be damaged in its first 64 bytes, or in its last ones, where the
    /// program must not write: in the fill of a freed block, or the canaries of one in use. The
    /// word's checksum is not verified, so a caller looks closer if this is true.
    #[inline(never)]
    pub fn may_be_damaged(self, first: bool) -> bool {
        let raw = word(self.word_at()).load(Ordering::Acquire);
        if vacant::is(raw) || raw & HIDDEN != 0 {
            return false;
        }
        if raw & FREED == 0 {
            let size = (self.end - self.start).checked_sub(raw as u32 as usize);
            return !first && size.is_some_and(|size| self.last_damaged(size).is_some());
        }
        let Range { start, end } = self.end_of_filled(first);
        (start..end).step_by(8).fold(0, |wrong, at| wrong | word(at).load(Relaxed) ^ FREED_WORD) != 0
    }

    /// The first 64 bytes that are filled while the block is free, or the last. Bytes on whole pages
    /// of the block are left out: another thread may be making these untouchable at any moment.
    pub fn end_of_filled(self, first: bool) -> Range<usize> {
        const NEAR: usize = 64;
        let Range { start, end } = self.filled();
        if first {
            start..end.min(start + NEAR).min(align::up(start, mmap::page_size()))
        } else {
            start.max(end.saturating_sub(NEAR)).max(self.last_page())..end
        }
    }

    /// The start of the page that the block's last filled bytes share with its trailer.
    fn last_page(self) -> usize {
        align::down(self.words_at(), mmap::page_size())
    }

    /// The same as `first_damaged`, for another thread's block: looks only if all that is behind
    /// `size` bytes is on its last page.
    pub fn last_damaged(self, size: usize) -> Option<usize> {
        if self.start + size >= self.last_page() { self.first_damaged(size) } else { None }
    }

    /// Makes the block a freed one. Only one caller succeeds.
    pub fn claim(self, facts: Facts, call: Call) -> bool {
        let claimed = self.change(facts.raw, Facts { freed: true, ..facts });
        if claimed && options::remembers_calls() {
            word(self.end - 2 * 8).store(pack(call), Relaxed);
        }
        claimed
    }

    /// Changes the size in place. Returns false if another thread has changed the block meanwhile.
    pub fn resize(self, facts: Facts, size: usize) -> bool {
        // The canaries are written afterwards: a thread that has lost the race for the block must not write
        // to it. The program may rely only on the alignment of malloc's blocks for what realloc returns.
        let changed = self.change(facts.raw, Facts { size, align: GRAIN, ..facts });
        if changed {
            self.fill_canaries(size);
        }
        changed
    }

    /// Lets any family free a block in use.
    pub fn open_to_any(self, facts: Facts) {
        self.change(facts.raw, Facts { family: Family::Any, ..facts });
    }

    /// Notes that the whole pages of a freed block cannot be touched. The caller has the block.
    pub fn hide(self, facts: Facts) {
        let freed = Facts { freed: true, ..facts };
        self.change(self.word(freed), Facts { hidden: true, ..freed });
    }

    /// The checksummed word with these facts.
    fn word(self, facts: Facts) -> u64 {
        checksum::attach::<BITS>(self.word_at(), self.content(facts))
    }

    fn change(self, from: u64, to: Facts) -> bool {
        word(self.word_at()).compare_exchange(from, self.word(to), Ordering::AcqRel, Relaxed).is_ok()
    }

    /// Notes that the block is vacant: its memory goes back to the heap.
    pub fn end(self) {
        // SAFETY: a checked block ends with such a word.
        unsafe { vacant::set(self.word_at()) };
    }

    /// Has the processor fetch the block's last word, without waiting for it.
    pub fn touch(self) {
        core::hint::black_box(word(self.word_at()).load(Relaxed));
    }

    /// Whether the block is vacant.
    pub fn is_vacant(self) -> bool {
        // SAFETY: as in `end`.
        unsafe { vacant::is_at(self.word_at()) }
    }

    /// The first byte behind `size` bytes that has changed.
    pub fn first_damaged(self, size: usize) -> Option<usize> {
        if valgrind::listens() {
            return None;
        }
        self.slack(size).find_map(|(at, mask)| {
            let wrong = (word(at).load(Relaxed).to_le() ^ canaries(at)) & mask;
            (wrong != 0).then(|| at + wrong.trailing_zeros() as usize / 8)
        })
    }

    /// The bytes that are filled while the block is free: all before the trailer's words.
    pub fn filled(self) -> Range<usize> {
        self.start..self.words_at()
    }

    fn set_calls(self, allocated: Call, freed: Call) {
        word(self.end - 3 * 8).store(pack(allocated), Relaxed);
        word(self.end - 2 * 8).store(pack(freed), Relaxed);
    }

    /// The calls that allocated and freed the block, where they are remembered.
    pub fn calls(self) -> Option<(Call, Call)> {
        options::remembers_calls().then(|| {
            let call = |at| unpack(word(at).load(Relaxed));
            (call(self.end - 3 * 8), call(self.end - 2 * 8))
        })
    }
}

fn pack(call: Call) -> u64 {
    u64::from(call.stack) << 32 | u64::from(call.thread)
}

#[expect(clippy::cast_possible_truncation, reason = "both halves")]
fn unpack(word: u64) -> Call {
    Call { stack: (word >> 32) as u32, thread: word as u32 }
}

/// A call by the calling thread, from here.
pub fn here() -> Call {
    // The tools of valgrind keep stacks themselves.
    let stack = if options::remembers_calls() && !valgrind::listens() { stack_here() } else { 0 };
    Call { stack, thread: thread::number() }
}

#[inline(never)]
fn stack_here() -> u32 {
    let mut frames = [0; options::DEPTH_MAX];
    let frames = &mut frames[..options::depth()];
    // Without frames to keep there is nothing to walk for.
    let count = if frames.is_empty() { 0 } else { unwind::capture(frames) };
    remember(&frames[..count])
}

/// The depot's number of a stack, cut to the frames that are remembered.
pub fn remember(frames: &[usize]) -> u32 {
    STACKS.intern(&Linux, &frames[..frames.len().min(options::depth())])
}

/// The frames of a call's stack.
pub fn frames(call: Call) -> &'static [usize] {
    STACKS.frames(call.stack)
}
