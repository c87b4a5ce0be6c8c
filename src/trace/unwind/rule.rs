//! How to get from a place in a program to its caller, in a word, and the cache of these words.
//!
//! ```text
//!     | offset / 8: 28 | where the return address is: 16 | where the caller's frame pointer is: 16 | kind: 4 |
//! ```
//!
//! The two places are in words from the canonical frame address (CFA): the stack pointer in the caller after the call.
//!
//! The cache has one place for each address. An entry is two words, which are written without an order.
//! So the first word is a checksum over the second, the address and the module. Words of two writers do
//! not fit each other, and an entry of an unloaded module fits nothing.

#![allow(unsafe_code)]

use crate::base::pointer;
use crate::base::shared::{AtomicU64, AtomicUsize};
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// What the CFA is computed from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The stack pointer and an offset.
    FromSp,
    /// The frame pointer and an offset.
    FromFp,
    /// The word at the frame pointer and an offset, in functions that align their stack. The place of
    /// the caller's frame pointer is then in words from this frame pointer.
    AtFp,
    /// A signal handler was called here: the kernel has left all registers on the stack.
    Signal,
    /// There is no caller.
    End,
    /// Nothing is known.
    Unknown,
}

const KINDS: [Kind; 6] = [Kind::FromSp, Kind::FromFp, Kind::AtFp, Kind::Signal, Kind::End, Kind::Unknown];

/// A rule. A zero word is not a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule(u64);

const KIND_BITS: u32 = 4;
const SLOT_BITS: u32 = 16;
const FP_SHIFT: u32 = KIND_BITS;
const RA_SHIFT: u32 = FP_SHIFT + SLOT_BITS;
const OFFSET_SHIFT: u32 = RA_SHIFT + SLOT_BITS;
const OFFSET_BITS: u32 = u64::BITS - OFFSET_SHIFT;
/// Not saved: the caller's value is still in the register.
const NO_SLOT: i16 = i16::MIN;
const WORD: i64 = 8;

impl Rule {
    /// A rule that has only its kind.
    pub const fn plain(kind: Kind) -> Self {
        Self(kind as u64 + 1)
    }

    /// A rule of offsets in bytes; `None` if they do not fit in a word or are not whole words. `ra` and
    /// `fp` are from the CFA, or `None` if the caller's value is still in the register.
    pub fn new(kind: Kind, offset: i64, ra: Option<i64>, fp: Option<i64>) -> Option<Self> {
        let offset = words(offset).filter(|words| words.unsigned_abs() < 1 << (OFFSET_BITS - 1))?;
        let (ra, fp) = (slot(ra)?, slot(fp)?);
        let slots = u64::from(ra.cast_unsigned()) << RA_SHIFT | u64::from(fp.cast_unsigned()) << FP_SHIFT;
        Some(Self(offset.cast_unsigned() << OFFSET_SHIFT | slots | (kind as u64 + 1)))
    }

    /// What the CFA is computed from.
    #[inline]
    pub fn kind(self) -> Kind {
        let index = (self.0 & ((1 << KIND_BITS) - 1)) as usize;
        KINDS.get(index.wrapping_sub(1)).copied().unwrap_or(Kind::Unknown)
    }

    /// The offset in bytes.
    #[inline]
    pub fn offset(self) -> isize {
        ((self.0.cast_signed() >> OFFSET_SHIFT) * WORD) as isize
    }

    /// Where the return address is, in bytes from the CFA.
    #[inline]
    pub fn ra(self) -> Option<isize> {
        bytes(self.0 >> RA_SHIFT)
    }

    /// Where the caller's frame pointer is, in bytes from the CFA; for `Kind::AtFp` from the frame pointer.
    #[inline]
    pub fn fp(self) -> Option<isize> {
        bytes(self.0 >> FP_SHIFT)
    }
}

fn words(bytes: i64) -> Option<i64> {
    (bytes % WORD == 0).then_some(bytes / WORD)
}

fn slot(offset: Option<i64>) -> Option<i16> {
    match offset {
        None => Some(NO_SLOT),
        Some(offset) => i16::try_from(words(offset)?).ok().filter(|&words| words != NO_SLOT),
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low half of a word")]
fn bytes(slot: u64) -> Option<isize> {
    let words = (slot as u16).cast_signed();
    (words != NO_SLOT).then_some(words as isize * WORD as isize)
}

/// The number of entries, 256 KiB in all, in each process that captures stacks.
const ENTRIES_LOG2: u32 = 14;
const K: u64 = 0x9e37_79b9_7f4a_7c15;

#[repr(align(16))]
struct Entry {
    check: AtomicU64,
    rule: AtomicU64,
}

const ENTRIES: usize = 1 << ENTRIES_LOG2;

/// Rules by address. Holds the address of its entries; 0 before the first rule.
pub struct Cache(AtomicUsize);

impl Cache {
    /// No rules yet.
    pub const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    #[inline]
    fn entry(&self, pc: usize) -> Option<&'static Entry> {
        let first = pointer::at::<Entry>(self.0.load(Acquire));
        let index = ((pc as u64).wrapping_mul(K) >> (u64::BITS - ENTRIES_LOG2)) as usize;
        // SAFETY: that address has so many entries, which are never unmapped. Zeroes are a valid entry without a rule.
        (!first.is_null()).then(|| unsafe { &*first.add(index) })
    }

    /// Gets memory for the entries. If there is none, no rule is remembered.
    #[cold]
    fn begin(&self) {
        let bytes = ENTRIES * size_of::<Entry>();
        let Some(address) = Linux.map_guarded(bytes, Linux.page_size()) else { return };
        if self.0.compare_exchange(0, address, AcqRel, Acquire).is_err() {
            // SAFETY: mapped above, and no other thread knows it.
            unsafe { Linux.unmap_guarded(address, bytes) };
        }
    }

    /// The rule for an address in the module with this fingerprint, if it is known.
    #[inline]
    pub fn get(&self, pc: usize, fingerprint: u64) -> Option<Rule> {
        let entry = self.entry(pc)?;
        let (found, rule) = (entry.check.load(Relaxed), entry.rule.load(Relaxed));
        (rule != 0 && found == check(pc, fingerprint, rule)).then_some(Rule(rule))
    }

    /// Remembers a rule.
    pub fn put(&self, pc: usize, fingerprint: u64, rule: Rule) {
        if self.0.load(Acquire) == 0 {
            self.begin();
        }
        let Some(entry) = self.entry(pc) else { return };
        entry.check.store(check(pc, fingerprint, rule.0), Relaxed);
        entry.rule.store(rule.0, Relaxed);
    }
}

#[inline]
fn check(pc: usize, fingerprint: u64, rule: u64) -> u64 {
    (rule ^ fingerprint).wrapping_mul(K).rotate_left(32) ^ pc as u64
}

#[cfg(all(test, not(feature = "models")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_rule_says_what_it_was_made_of(
            kind in proptest::sample::select(&KINDS[..]),
            offset in -(1i64 << 27) + 1..1 << 27,
            ra in proptest::option::of(-32767i64..32768),
            fp in proptest::option::of(-32767i64..32768),
        ) {
            let [ra, fp] = [ra, fp].map(|slot| slot.map(|slot| slot * 8));
            let rule = Rule::new(kind, offset * 8, ra, fp).unwrap();
            prop_assert_eq!(rule.kind(), kind);
            prop_assert_eq!(rule.offset() as i64, offset * 8);
            prop_assert_eq!([rule.ra(), rule.fp()].map(|slot| slot.map(|slot| slot as i64)), [ra, fp]);
        }
    }

    #[test]
    fn what_fits_no_word_is_no_rule() {
        assert_eq!(Rule::new(Kind::FromSp, 1 << 30, None, None), None);
        assert_eq!(Rule::new(Kind::FromSp, 12, None, None), None);
        assert_eq!(Rule::new(Kind::FromSp, 16, Some(-8 * 32768), None), None);
        assert_eq!(Rule::new(Kind::FromSp, 16, Some(-8), Some(-15)), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn an_entry_holds_for_its_address_and_module_and_whole() {
        let cache = Cache::new();
        let [first, second] = [16, 32].map(|offset| Rule::new(Kind::FromSp, offset, Some(-8), None).unwrap());
        assert_eq!(cache.get(0x1000, 7), None);
        cache.put(0x1000, 7, first);
        assert_eq!(cache.get(0x1000, 7), Some(first));
        let entry = |pc| cache.entry(pc).map(core::ptr::from_ref);
        let other = (0x2000..).find(|&pc| entry(pc) == entry(0x1000)).unwrap();
        assert_eq!((cache.get(0x1000, 8), cache.get(other, 7)), (None, None));
        // Half of it is another writer's.
        cache.entry(0x1000).unwrap().rule.store(second.0, Relaxed);
        assert_eq!((cache.get(0x1000, 7), cache.get(other, 7)), (None, None));
    }
}
