//! A stack in one range, from both ends: what was pushed last is popped first.
//!
//! ```text
//!     | control | block, word | block, word |  -->   left   <--  | word, block | word, block |
//!               bottom                      low              high                            top
//! ```
//!
//! A block's word says how many bytes the end moved for it, and at which alignment the block stands; it is
//! checksummed. At the low end it is behind the block, at the high end before it: next to where the end stands. So
//! `pop` goes from the end down to the block that it is given, and an overrun of a block that is longer than the padding
//! before its word is noticed when it, or one below it, is popped. A stack for marks alone has no words.

#![allow(unsafe_code)]

use super::memory::Memory;
use super::quiet::Quiet;
use crate::base::checksum::{attach_with, secret, verify_with};
use crate::base::code::Code;
use crate::base::config::{GRAIN, REQUEST_MAX};
use crate::base::{align, pointer};
use crate::process::start;
use crate::sys::errno::set_errno;
use crate::sys::mempool::{pool_allocated, pool_created, pool_destroyed, pool_trimmed};
use crate::sys::valgrind;
use core::ptr::NonNull;

/// A word's content: bytes, and the logarithm of the alignment in grains above them.
const WORD_BITS: u32 = 43;
const BYTES_BITS: u32 = 38;
/// A mark's content: an offset.
const MARK_BITS: u32 = 44;
const WORD: usize = 8;
/// Where the first block of the low end starts, in bytes from the control block.
const FIRST: usize = align::up(size_of::<Control>() + WORD, GRAIN);
/// The largest alignment.
pub const ALIGN_MAX: usize = GRAIN << 31;
/// The most that one stack has.
const RANGE_MAX: usize = 1 << (BYTES_BITS - 1);

const MAGIC: u64 = u64::from_le_bytes(*b"metestk\x01");

/// The control block, at the start of the range. All but the magic are addresses or bytes.
#[repr(C)]
struct Control {
    magic: u64,
    /// Where the next block of the low end goes; a multiple of the grain.
    low: usize,
    /// Where the last block of the high end begins, its word included; 8 less than a multiple of the grain if there
    /// are words.
    high: usize,
    bottom: usize,
    top: usize,
    /// What the words are checksummed with.
    secret: u64,
    /// The fewest bytes that were between the ends when one went back.
    least_left: usize,
    /// 8 if blocks have words, else 0.
    word: usize,
    /// Whether the range is from `Memory::Process`.
    owned: bool,
    /// Whether valgrind does not listen; and whether blocks have words as well: most calls ask no more.
    plain: bool,
    plain_words: bool,
}

/// An end of a stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Blocks go upwards from the start of the range.
    Low,
    /// Blocks go downwards from its end.
    High,
}

/// A stack: where its control block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Raw(NonNull<u8>);

impl Raw {
    /// A stack with a range of its own, for blocks and their words of `bytes` bytes in all; `None`, and `ENOMEM`, if
    /// there is no memory.
    pub fn new(bytes: usize, marks_only: bool) -> Option<Self> {
        let all = bytes.checked_add(size_of::<Control>() + 2 * GRAIN).filter(|&all| all <= RANGE_MAX.min(REQUEST_MAX));
        let Some(all) = all else {
            set_errno(libc::ENOMEM);
            return None;
        };
        let range = Memory::Process.allocate(all, GRAIN)?;
        // SAFETY: the range is fresh.
        unsafe { Self::make(range, Memory::Process.usable(range), marks_only, true) }
    }

    /// A stack in a buffer, which is aligned to the grain; `None` if it is not, or has no room for a block.
    ///
    /// # Safety
    /// Nobody else uses the buffer for as long as the stack is used.
    pub unsafe fn over(buffer: NonNull<u8>, bytes: usize, marks_only: bool) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe { Self::make(buffer, bytes.min(RANGE_MAX), marks_only, false) }
    }

    unsafe fn make(start: NonNull<u8>, bytes: usize, marks_only: bool, owned: bool) -> Option<Self> {
        let base = pointer::expose(start.as_ptr());
        let bottom = base + FIRST;
        let word = if marks_only { 0 } else { WORD };
        let top = align::down(base + bytes, GRAIN) - word;
        if !align::is(base, GRAIN) || bytes < size_of::<Control>() + 4 * GRAIN {
            return None;
        }
        start::ensure();
        // The range of an own stack was shown to the program; the words in it are ours.
        let secret = secret().rotate_left(7) ^ (base as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let control = Control {
            magic: MAGIC,
            low: bottom,
            high: top,
            bottom,
            top,
            secret,
            least_left: top - bottom,
            word,
            owned,
            plain: !valgrind::listens(),
            plain_words: !marks_only && !valgrind::listens(),
        };
        // SAFETY: the buffer is large enough and aligned. The word below the first block, which `pop` looks at where there
        // is none, says nothing.
        unsafe {
            start.cast::<Control>().write(control);
            pointer::at_mut::<u64>(bottom - WORD).write(0);
        }
        if valgrind::listens() {
            pool_created!(base);
            pool_created!(base + 1);
            valgrind::hide(bottom, base + bytes - bottom);
        }
        Some(Self(start))
    }

    /// The stack at an address.
    ///
    /// # Safety
    /// One is there, and nobody else uses it during a call.
    #[inline]
    pub unsafe fn at(start: NonNull<u8>) -> Self {
        Self(start)
    }

    /// Where it is.
    #[inline]
    pub fn start(self) -> NonNull<u8> {
        self.0
    }

    #[inline]
    fn control<'a>(self) -> &'a mut Control {
        // SAFETY: the stack is there, and one call at a time uses it; no function holds this while it calls another
        // that takes it.
        unsafe { self.0.cast::<Control>().as_mut() }
    }

    #[inline]
    fn base(self) -> usize {
        self.0.addr().get()
    }

    /// A block of `n` bytes at a multiple of `alignment`, a power of two of at least the grain; `None`, and `ENOMEM`,
    /// if there is no room.
    #[inline(always)]
    pub fn push(self, end: End, n: usize, alignment: usize) -> Option<NonNull<u8>> {
        if end == End::Low
            && alignment == GRAIN
            && let Some(block) = self.push_plainly(n)
        {
            return Some(block);
        }
        self.push_any(end, n, alignment)
    }

    /// The same of any block, in any stack.
    #[inline(never)]
    fn push_any(self, end: End, n: usize, alignment: usize) -> Option<NonNull<u8>> {
        if valgrind::listens() {
            return self.push_watched(end, n, alignment);
        }
        self.take(end, n, alignment)
    }

    /// A block at the low end, aligned to the grain; `None` where more is to be looked at.
    #[inline(always)]
    fn push_plainly(self, n: usize) -> Option<NonNull<u8>> {
        let control = self.control();
        let low = control.low;
        // `low` is a multiple of the grain, and so are both blocks' ends.
        let moved = align::down(n.checked_add(WORD + GRAIN - 1)? - (WORD - control.word), GRAIN);
        if !control.plain || moved > control.high - low {
            return None;
        }
        let at = low + moved;
        if control.word != 0 {
            // SAFETY: in what was free of the range.
            unsafe { pointer::at_mut::<u64>(at - WORD).write(self.seal(control, at - WORD, moved)) };
        }
        control.low = at;
        // SAFETY: an address in the range.
        Some(unsafe { NonNull::new_unchecked(pointer::at_mut(low)) })
    }

    /// The word of a block of the low end that is aligned to the grain.
    #[inline(always)]
    fn seal(self, control: &Control, place: usize, moved: usize) -> u64 {
        attach_with::<WORD_BITS>(control.secret, place - self.base(), moved as u64)
    }

    #[cold]
    #[inline(never)]
    fn push_watched(self, end: End, n: usize, alignment: usize) -> Option<NonNull<u8>> {
        let _quiet = Quiet::new();
        let block = self.take(end, n, alignment)?;
        // Where there are no words, an empty block has the address of the next one.
        if n != 0 || self.control().word != 0 {
            let pool = self.base() + usize::from(end == End::High);
            pool_allocated!(pool, block.addr().get(), n);
        }
        Some(block)
    }

    #[inline(always)]
    fn take(self, end: End, n: usize, alignment: usize) -> Option<NonNull<u8>> {
        let control = self.control();
        let (low, high, word) = (control.low, control.high, control.word);
        debug_assert!(alignment.is_power_of_two() && (GRAIN..=ALIGN_MAX).contains(&alignment));
        // All below fits in numbers: a range is far smaller than these.
        if n > high - low {
            return full();
        }
        let (block, at) = match end {
            End::Low => {
                let block = align::up(low, alignment);
                let next = align::up(block + n + word, GRAIN);
                (block, next)
            }
            End::High => {
                let block = align::down(high - n, alignment);
                (block, block.wrapping_sub(word))
            }
        };
        let moved = match end {
            End::Low if at <= high => at - low,
            End::High if block >= low + word => high - at,
            _ => return full(),
        };
        if word != 0 {
            let content = moved as u64 | u64::from((alignment / GRAIN).trailing_zeros()) << BYTES_BITS;
            let place = if end == End::Low { at - WORD } else { at };
            let sealed = attach_with::<WORD_BITS>(control.secret, place - self.base(), content);
            // SAFETY: in what was free of the range.
            unsafe { pointer::at_mut::<u64>(place).write(sealed) };
        }
        control.set(end, at);
        // SAFETY: an address in the range.
        Some(unsafe { NonNull::new_unchecked(pointer::at_mut(block)) })
    }

    /// What the word at an address says: how far the end moved, and the alignment.
    #[inline]
    fn unseal(self, control: &Control, at: usize) -> Result<(usize, usize), u64> {
        // SAFETY: the caller's address is in the range.
        let raw = unsafe { pointer::at::<u64>(at).read() };
        match verify_with::<WORD_BITS>(control.secret, at - self.base(), raw) {
            Some(low) => Ok(((low & ((1 << BYTES_BITS) - 1)) as usize, GRAIN << (low >> BYTES_BITS))),
            None => Err(raw),
        }
    }

    /// The last block of an end that stands at `at`, and where the end stood before it; `None` if there is none.
    #[inline]
    fn last(self, control: &Control, end: End, at: usize) -> Result<Option<(usize, usize)>, u64> {
        match end {
            End::Low if at == control.bottom => Ok(None),
            End::Low => {
                let (moved, alignment) = self.unseal(control, at - WORD)?;
                let before = at.wrapping_sub(moved);
                if moved == 0 || moved > at - control.bottom {
                    Err(0)
                } else {
                    Ok(Some((align::up(before, alignment), before)))
                }
            }
            End::High if at == control.top => Ok(None),
            End::High => {
                let (moved, _) = self.unseal(control, at)?;
                if moved == 0 || moved > control.top - at { Err(0) } else { Ok(Some((at + WORD, at + moved))) }
            }
        }
    }

    /// Pops a block and all that was pushed at its end after it. What is no block of this end is reported.
    #[inline(always)]
    pub fn pop(self, end: End, block: NonNull<u8>) {
        let (control, wanted) = (self.control(), block.addr().get());
        // Nearly always it is the last one, of no large alignment: then its word is known, and one comparison does
        // for all. A word says how far the end moved, so it is no other block's.
        if end == End::Low && control.plain_words {
            let place = control.low - WORD;
            let moved = control.low.wrapping_sub(wanted);
            // SAFETY: in the range.
            let word = unsafe { pointer::at::<u64>(place).read() };
            if moved >> BYTES_BITS == 0 && word == self.seal(control, place, moved) {
                control.note_peak();
                control.low = wanted;
                return;
            }
        }
        self.pop_slowly(end, wanted);
    }

    /// The same of any block.
    #[inline(never)]
    fn pop_slowly(self, end: End, wanted: usize) {
        let _quiet = Quiet::new();
        let control = self.control();
        let mut at = control.at(end);
        if control.word == 0 {
            return self.report_pop(end, wanted);
        }
        // Each step is checked, and goes towards the end of the range.
        loop {
            match self.last(control, end, at) {
                Ok(Some((found, before))) if found == wanted => {
                    control.note_peak();
                    control.set(end, before);
                    break;
                }
                Ok(Some((found, before))) if (found > wanted) == (end == End::Low) => at = before,
                Ok(_) => return self.report_pop(end, wanted),
                Err(raw) => self.overwritten(end, at, raw),
            }
        }
        self.watch_pop(end);
    }

    /// A mark of where an end stands.
    #[inline]
    pub fn mark(self, end: End) -> u64 {
        let control = self.control();
        attach_with::<MARK_BITS>(control.mark_secret(end), 0, (control.at(end) - self.base()) as u64)
    }

    /// Pops all that was pushed at an end since a mark. What is no mark of this end, or one of a place that is popped
    /// already, is reported.
    #[inline]
    pub fn rewind(self, end: End, mark: u64) {
        let _quiet = Quiet::new();
        let control = self.control();
        let Some(offset) = verify_with::<MARK_BITS>(control.mark_secret(end), 0, mark) else {
            return self.report_mark(end, mark, false);
        };
        let at = self.base() + offset as usize;
        let is_behind = match end {
            End::Low => at >= control.bottom && at <= control.low,
            End::High => at >= control.high && at <= control.top,
        };
        // Where blocks have words one ends at the mark, unless others were pushed since.
        if !is_behind || (control.word != 0 && self.last(control, end, at).is_err()) {
            return self.report_mark(end, mark, true);
        }
        control.note_peak();
        control.set(end, at);
        self.watch_pop(end);
    }

    /// Ends the stack. A range of its own is given back.
    ///
    /// # Safety
    /// Nothing uses it any more.
    pub unsafe fn destroy(self) {
        let control = self.control();
        if control.magic != MAGIC {
            return self.found(Code::ForeignPointer, "metes_stack_destroy", 0, format_args!("no stack is there"));
        }
        control.magic = 0;
        let (owned, base) = (control.owned, self.base());
        if valgrind::listens() {
            pool_destroyed!(base);
            pool_destroyed!(base + 1);
        }
        if owned {
            // SAFETY: the range is from there.
            unsafe { Memory::Process.release(self.0) };
        }
    }

    fn watch_pop(self, end: End) {
        if valgrind::listens() {
            let (base, control) = (self.base(), self.control());
            match end {
                End::Low => pool_trimmed!(base, control.bottom, control.low - control.bottom),
                End::High => pool_trimmed!(base + 1, control.high, control.top - control.high),
            }
            valgrind::hide(control.low, control.high - control.low);
        }
    }
}

impl Control {
    #[inline]
    fn at(&self, end: End) -> usize {
        if end == End::Low { self.low } else { self.high }
    }

    #[inline]
    fn set(&mut self, end: End, at: usize) {
        if end == End::Low { self.low = at } else { self.high = at }
    }

    /// To be called before an end goes back.
    #[inline]
    fn note_peak(&mut self) {
        let left = self.high - self.low;
        if left < self.least_left {
            self.least_left = left;
        }
    }

    #[inline]
    fn mark_secret(&self, end: End) -> u64 {
        self.secret.rotate_left(if end == End::Low { 11 } else { 23 })
    }
}

#[cold]
fn full<T>() -> Option<T> {
    set_errno(libc::ENOMEM);
    None
}

pub mod check;
mod misuse;

#[cfg(test)]
mod tests;
