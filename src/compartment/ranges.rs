//! The address space of compartments: ranges of whole units that a compartment gets for its regions, and that wait
//! here when it is destroyed.
//!
//! ```text
//!     reserve   | in use | waiting | in use | never used ...      |    2 MiB at a time, without huge pages
//! ```
//!
//! A range that waits cannot be touched, and the page map still leads to its record, of kind `Destroyed`: a late
//! access or a late free is told by name until the range is used again. The one that was given back last is used
//! first: its pages are there, and zero. Ranges of which more than `KEPT_MOST` bytes were touched, and what waits
//! above `WAITING_MOST` bytes, keep their addresses but no pages.
//!
//! A fenced range has an untouchable unit before it and one behind it, and is a mapping of its own.

#![allow(unsafe_code)]

use super::patience;
use crate::base::config::{REGION_GRANULE, UNIT};
use crate::base::pointer;
use crate::base::shared::AtomicUsize;
use crate::heap::range_record::{Kind, RangeRecord};
use crate::process::statics;
use crate::sys::linux::Linux;
use crate::sys::lock::FutexLock;
use crate::sys::mmap;
use crate::sys::pages::{self, PageSource};
use crate::sys::valgrind;
use core::sync::atomic::Ordering::Relaxed;
use lock_api::RawMutex;

/// Ranges of up to so many units wait in a list for each length. Longer and fenced ones are in the last list together.
const LENGTHS: usize = REGION_GRANULE / UNIT;
/// So many of those in the last list wait; the others go back to the system.
const LONG_MOST: usize = 64;
/// In `RangeRecord::asked` of a range that waits: it is fenced.
const FENCED: u32 = 1;
/// What was touched of a range is made zero by hand up to so many bytes; else the kernel does it.
const KEPT_MOST: usize = 512 << 10;
/// So many ranges wait untouchable. Each may be a mapping of its own for the kernel, of which a process may have 65,530:
/// further ones can be touched.
const FORBIDDEN_MOST: usize = 16 << 10;
/// Bytes of pages that all ranges that wait may keep.
const WAITING_MOST: usize = 32 << 20;

/// The lists of ranges that wait, the one given back last first, linked by `RangeRecord::next`.
static WAITING: [AtomicUsize; LENGTHS + 1] = [const { AtomicUsize::new(0) }; LENGTHS + 1];
/// Bytes that may have pages in ranges that wait.
static KEPT: AtomicUsize = AtomicUsize::new(0);
/// How often a range was taken or came back.
static CHANGES: AtomicUsize = AtomicUsize::new(0);
/// How many wait in all lists, and their bytes.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
/// How many wait in the last list.
static LONG: AtomicUsize = AtomicUsize::new(0);
/// What is left of the newest reserve: its first address and its end.
static LEFT: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
/// How many bytes the compartment that was destroyed last had touched; and the lesser of that and of the one before.
static LAST_BYTES: AtomicUsize = AtomicUsize::new(0);
static USUAL_BYTES: AtomicUsize = AtomicUsize::new(0);
/// The most that a compartment begins with, and how many may begin with more than the least until the next one is
/// destroyed: many that stay small would take much address space.
const USUAL_MOST: usize = KEPT_MOST;
const USUAL_COUNT: usize = 64;
/// How many have begun since one was destroyed.
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static LOCK: FutexLock = FutexLock::INIT;

/// Guards all above.
struct Guard;

impl Guard {
    fn take() -> Option<Self> {
        patience::take(&LOCK).then_some(Self)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // SAFETY: `take` took it.
        unsafe { LOCK.unlock() };
    }
}

/// Zeroed pages for a region of a compartment: `len` bytes, whole units; `None` if there is no memory.
pub fn map(len: usize, fenced: bool) -> Option<usize> {
    let fresh = || if fenced { fresh_fenced(len) } else { fresh(len) };
    // What waits may be what is missing.
    reuse(len, fenced).or_else(fresh).or_else(|| if release() != 0 { fresh() } else { None })
}

/// Whether a range waits in the last list.
fn is_in_last(len: usize, fenced: bool) -> bool {
    fenced || len > REGION_GRANULE
}

/// The list that a range of so many bytes waits in.
fn list(len: usize, fenced: bool) -> &'static AtomicUsize {
    let index = if is_in_last(len, fenced) { LENGTHS } else { len.div_ceil(UNIT) - 1 };
    &WAITING[index]
}

fn record_at(address: usize) -> Option<&'static RangeRecord> {
    // SAFETY: a record's address, or 0; records stay.
    (address != 0).then(|| unsafe { pointer::to_ref(address) })
}

/// Takes a range that waits.
fn reuse(len: usize, fenced: bool) -> Option<usize> {
    let _guard = Guard::take()?;
    let mut link = list(len, fenced);
    let record = loop {
        let record = record_at(link.load(Relaxed))?;
        if record.len() == len && (record.asked.load(Relaxed) == FENCED) == fenced {
            break record;
        }
        link = &record.next;
    };
    let start = record.start();
    if !mmap::permit(start, len) {
        return None;
    }
    link.store(record.next.load(Relaxed), Relaxed);
    KEPT.fetch_sub(record.wanted(), Relaxed);
    LONG.fetch_sub(usize::from(is_in_last(len, fenced)), Relaxed);
    CHANGES.fetch_add(1, Relaxed);
    COUNT.fetch_sub(1, Relaxed);
    BYTES.fetch_sub(len, Relaxed);
    statics::forget_range(record);
    Some(start)
}

/// Takes a range that was never used.
fn fresh(len: usize) -> Option<usize> {
    if len > REGION_GRANULE {
        return aligned(len);
    }
    let _guard = Guard::take()?;
    let [start, end] = &LEFT;
    if end.load(Relaxed) - start.load(Relaxed) < len {
        // What is left is too little for this one, and is left.
        let reserve = aligned(REGION_GRANULE)?;
        start.store(reserve, Relaxed);
        end.store(reserve + REGION_GRANULE, Relaxed);
    }
    Some(start.fetch_add(len, Relaxed))
}

fn aligned(len: usize) -> Option<usize> {
    let start = pages::map_aligned(&Linux, 0, len, UNIT)?;
    Linux.advise_huge(start, len, false);
    Some(start)
}

fn fresh_fenced(len: usize) -> Option<usize> {
    let all = len.checked_add(2 * UNIT)?;
    let start = aligned(all)?;
    let fences = [start, start + UNIT + len];
    if !fences.into_iter().all(|fence| mmap::forbid(fence, UNIT)) {
        // SAFETY: mapped just now.
        unsafe { Linux.unmap(start, all) };
        return None;
    }
    Some(start + UNIT)
}

/// Forgets a region that the caller gave, and has again.
pub fn forget_given(record: &'static RangeRecord) {
    let (start, len) = (record.start(), record.len());
    if valgrind::listens() {
        valgrind::show(start, len);
    }
    statics::forget_range(record);
}

/// Notes how many bytes a compartment has touched that is destroyed.
pub fn remember(bytes: usize) {
    BEGUN.store(0, Relaxed);
    USUAL_BYTES.store(LAST_BYTES.swap(bytes, Relaxed).min(bytes), Relaxed);
}

/// How many bytes a compartment is to begin with: as many as the last ones needed in the end, as each range is a system call
/// when it comes and one when it goes.
pub fn usual_bytes() -> usize {
    let is_one_of_few = BEGUN.fetch_add(1, Relaxed) < USUAL_COUNT;
    if is_one_of_few { USUAL_BYTES.load(Relaxed).min(USUAL_MOST) } else { 0 }
}

/// Gives a range, to which nothing leads, back to the system.
pub fn unmap(start: usize, len: usize, fenced: bool) {
    let fence = if fenced { UNIT } else { 0 };
    // SAFETY: a range of ours, that nothing uses.
    unsafe { Linux.unmap(start - fence, len + 2 * fence) };
}

/// How many bytes of a range were touched, from its start on.
pub fn touched(record: &RangeRecord) -> usize {
    record.untouched_from.load(Relaxed).saturating_sub(record.start()).min(record.len())
}

/// Takes back the range of a region of a destroyed compartment, which the page map leads to. Until it is used again
/// nobody may touch it.
pub fn retire(record: &'static RangeRecord, fenced: bool, named: bool) {
    let (start, len) = (record.start(), record.len());
    let touched = touched(record);
    let keeps = touched <= KEPT_MOST && KEPT.load(Relaxed) + touched <= WAITING_MOST;
    if keeps {
        // SAFETY: the compartment's, which is gone; the last tag and the fence stand at the end.
        unsafe {
            pointer::at_mut::<u8>(start).write_bytes(0, touched);
            pointer::at_mut::<u64>(start + len - 16).write(0);
            pointer::at_mut::<u64>(start + len - 8).write(0);
        }
    }
    // SAFETY: as above.
    let clean = keeps || unsafe { Linux.purge(start, len) };
    let is_long = is_in_last(len, fenced);
    let forbids = COUNT.load(Relaxed) < FORBIDDEN_MOST;
    if !clean || is_long && LONG.load(Relaxed) >= LONG_MOST || forbids && !mmap::forbid(start, len) {
        statics::forget_range(record);
        unmap(start, len, fenced);
        return;
    }
    if named {
        mmap::name(start, len, None);
    }
    record.asked.store(u32::from(fenced) * FENCED, Relaxed);
    record.set_wanted(if keeps { touched } else { 0 });
    KEPT.fetch_add(record.wanted(), Relaxed);
    record.set_kind(Kind::Destroyed);
    let Some(_guard) = Guard::take() else { return };
    let list = list(len, fenced);
    LONG.fetch_add(usize::from(is_long), Relaxed);
    CHANGES.fetch_add(1, Relaxed);
    COUNT.fetch_add(1, Relaxed);
    BYTES.fetch_add(len, Relaxed);
    record.next.store(list.load(Relaxed), Relaxed);
    list.store(pointer::expose(record), Relaxed);
}

/// Gives all ranges that wait back with their addresses, for a caller that needs address space; how many bytes. Who
/// touches one from here on is not told by the heap's name.
pub fn release() -> usize {
    let Some(_guard) = Guard::take() else { return 0 };
    let mut given = 0;
    for list in &WAITING {
        while let Some(record) = record_at(list.load(Relaxed)) {
            let (start, len, fenced) = (record.start(), record.len(), record.asked.load(Relaxed) == FENCED);
            list.store(record.next.load(Relaxed), Relaxed);
            KEPT.fetch_sub(record.wanted(), Relaxed);
            statics::forget_range(record);
            unmap(start, len, fenced);
            given += len;
        }
    }
    LONG.store(0, Relaxed);
    COUNT.store(0, Relaxed);
    BYTES.store(0, Relaxed);
    given
}

/// Bytes of address space in ranges that wait.
pub fn waiting() -> usize {
    BYTES.load(Relaxed)
}

/// Bytes that may have pages in ranges that wait.
pub fn kept() -> usize {
    KEPT.load(Relaxed)
}

/// How often a range was taken or came back: where that is the same later, the ranges that wait were not needed.
pub fn changes() -> usize {
    CHANGES.load(Relaxed)
}

/// Gives the pages of all ranges that wait back; how many bytes they may have been.
pub fn purge() -> usize {
    let Some(_guard) = Guard::take() else { return 0 };
    let mut given = 0;
    for list in &WAITING {
        let mut next = record_at(list.load(Relaxed));
        while let Some(record) = next {
            next = record_at(record.next.load(Relaxed));
            // SAFETY: nobody has the range.
            if record.wanted() != 0 && unsafe { Linux.purge(record.start(), record.len()) } {
                given += record.wanted();
                record.set_wanted(0);
            }
        }
    }
    KEPT.fetch_sub(given, Relaxed);
    given
}

/// Before a fork, and after it: nobody is at the lists.
pub fn freeze(interrupted: bool) {
    LOCK.freeze(interrupted);
}

/// After a fork, in the parent.
pub fn thaw() {
    LOCK.thaw();
}

/// After a fork, in the child.
pub fn thaw_in_child() {
    LOCK.thaw_in_child();
}
