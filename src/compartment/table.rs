//! Compartments by number, and the handles that programs have of them.
//!
//! A handle is no address: it says the number and the generation of a compartment, so the handle of a destroyed one
//! is never that of another. Records stand side by side in guarded memory, which stays. A number is used again only
//! after all others that are free.

#![allow(unsafe_code)]

use super::name::{NAME, Name};
use super::options::{Memory, Options};
use super::small::Small;
use super::{patience, ranges};
use crate::base::config::GRAIN;
use crate::base::pointer;
use crate::base::shared::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
use crate::heap::heap::{Growth, Heap};
use crate::heap::range_record::COMPARTMENT;
use crate::process::{options, statics};
use crate::sys::linux::{self, Linux};
use crate::sys::lock::FutexLock;
use crate::sys::{mempool, mmap, valgrind};
use core::cell::UnsafeCell;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use lock_api::RawMutex;

/// In `gate`; no handle says either.
pub(super) const SHARED: u64 = u64::MAX;
pub(super) const BUSY: u64 = u64::MAX - 1;

/// In `flags`: the ranges are fenced; the memory is the caller's; blocks are exact.
const FENCED: u8 = 1;
const GIVEN: u8 = 2;
const EXACT: u8 = 4;
/// In `flags`: no program has made it.
const INTERNAL: u8 = 8;

/// The most compartments; where address space is short, fewer.
const MOST: usize = 1 << 16;
const FEW: usize = 1 << 10;
/// So many records are opened at a time.
const OPENED: usize = 64;
/// Where the records are; how many there is room for; and how many are opened.
pub static RECORDS: AtomicUsize = AtomicUsize::new(0);
static ROOM: AtomicUsize = AtomicUsize::new(0);
static OPEN: AtomicUsize = AtomicUsize::new(0);
/// How many numbers were ever used.
pub static USED: AtomicUsize = AtomicUsize::new(0);
/// The queue of numbers that are free: the first, the last, and how many. Numbers are counted from 1 here.
static FREE: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];
static LOCK: FutexLock = FutexLock::INIT;
/// So many free numbers wait at least before one is used again.
const WAIT: usize = 256;

/// What one thread at a time uses.
pub struct Inside {
    /// The heap of all blocks.
    pub heap: Heap<Linux>,
    /// Small ones that wait, and those to come.
    pub small: Small,
    /// The most that may be in use, in bytes of blocks with their headers.
    pub limit: usize,
    /// How many bytes more that is than are in use now; and the least it was when a block came back.
    pub(super) room: usize,
    pub(super) least_room: usize,
    /// Blocks that were handed out, and that came back, so far.
    pub mallocs: u64,
    pub frees: u64,
}

/// A compartment. All zero when it is opened.
#[repr(C, align(1024))]
pub struct Compartment {
    /// The generation, and in the lowest bit whether it is live; with `DEAD` if it is not.
    pub(super) state: AtomicU64,
    pub(super) lock: FutexLock,
    /// Blocks that were freed while nobody could come in, linked as `slab::arena` does it.
    pub(super) deferred: AtomicUsize,
    /// `SHARED`; or, where one thread alone uses it, what its handle says of its state, and `BUSY` while that thread is
    /// inside.
    pub(super) gate: AtomicU64,
    /// `FENCED`, `GIVEN`, `EXACT`.
    flags: AtomicU8,
    /// Its number.
    index: AtomicU32,
    /// The next free number, from 1.
    next: AtomicU32,
    pub(super) name: [AtomicU8; NAME],
    pub(super) inside: UnsafeCell<Inside>,
}

// SAFETY: `inside` is for whoever has entered: see `work`.
unsafe impl Sync for Compartment {}

// The address of a record is a shift and an addition.
const _: () = assert!(size_of::<Compartment>() == 1024);

/// A handle: see the module. The number, and above it the compartment's state while it is live. Never zero, and no
/// address of anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handle(pub usize);

const INDEX_BITS: u32 = 23;
const _: () = assert!(MOST <= 1 << INDEX_BITS);

/// In `state`: no handle is that of this one, whatever its number.
const DEAD: u64 = 1 << 63;

impl Handle {
    fn of(index: usize, state: u64) -> Self {
        Self(((state as usize) << INDEX_BITS) | index)
    }

    /// The number, which need not be one of any.
    pub fn index(self) -> usize {
        self.0 % (1 << INDEX_BITS)
    }

    #[inline(always)]
    pub(super) fn state(self) -> u64 {
        (self.0 >> INDEX_BITS) as u64
    }

    /// Whether it has been a compartment's, as far as it says itself.
    pub fn is_plausible(self) -> bool {
        self.state() & 1 != 0 && self.index() != 0
    }
}

/// The compartment of a number, live or not.
#[inline(always)]
pub fn at(index: usize) -> Option<&'static Compartment> {
    if index >= USED.load(Acquire) { None } else { Some(record(index)) }
}

/// The record of a number that is open.
#[inline(always)]
fn record(index: usize) -> &'static Compartment {
    // SAFETY: open records stay.
    unsafe { pointer::to_ref(RECORDS.load(Relaxed) + index * size_of::<Compartment>()) }
}

/// All that there are, live or not.
pub fn all() -> impl Iterator<Item = &'static Compartment> {
    (0..USED.load(Acquire)).filter_map(at)
}

/// Those that are live and shared: any thread may enter them.
pub fn shared() -> impl Iterator<Item = &'static Compartment> {
    all().filter(|compartment| compartment.is_live() && compartment.gate.load(Relaxed) == SHARED)
}

/// Makes one; `None` if there is no memory, or there are more than there may be.
#[expect(clippy::cast_possible_truncation, reason = "numbers have fewer bits")]
pub fn make(options: &Options<'_>) -> Option<Handle> {
    if !patience::take(&LOCK) {
        return None;
    }
    let made = take_number();
    // SAFETY: locked above.
    unsafe { LOCK.unlock() };
    let (index, compartment) = made?;
    // A thread that has found the number among all others may still be inside.
    if !patience::take(&compartment.lock) {
        compartment.index.store(index as u32, Relaxed);
        compartment.give_number();
        return None;
    }
    let begun = compartment.begin(index, options);
    let handle = compartment.handle();
    // SAFETY: locked above.
    unsafe { compartment.lock.unlock() };
    if !begun {
        compartment.give_number();
    }
    begun.then_some(handle)
}

/// Zeroed pages for a region of a compartment.
fn map(len: usize, arena: u32) -> Option<usize> {
    let compartment = at((arena & !COMPARTMENT) as usize)?;
    let start = ranges::map(len, compartment.is_fenced())?;
    compartment.announce(start, len);
    Some(start)
}

fn take_number() -> Option<(usize, &'static Compartment)> {
    let [first, last, count] = &FREE;
    let used = USED.load(Relaxed);
    let waiting = count.load(Relaxed);
    let no_other = waiting != 0 && used == OPEN.load(Relaxed) && open_more().is_none();
    if waiting > WAIT || no_other {
        let index = first.load(Relaxed) - 1;
        let compartment = at(index)?;
        first.store(compartment.next.load(Relaxed) as usize, Relaxed);
        count.fetch_sub(1, Relaxed);
        if count.load(Relaxed) == 0 {
            last.store(0, Relaxed);
        }
        return Some((index, compartment));
    }
    if used == OPEN.load(Relaxed) {
        open_more()?;
    }
    // The first number is nobody's: NULL is no handle.
    let index = used.max(1);
    for fresh in used..=index {
        record(fresh).state.store(DEAD, Relaxed);
    }
    USED.store(index + 1, Release);
    Some((index, at(index)?))
}

/// Opens more records; reserves the room for all of them first.
fn open_more() -> Option<()> {
    let bytes = size_of::<Compartment>();
    if RECORDS.load(Relaxed) == 0 {
        let (start, most) =
            [MOST, FEW].into_iter().find_map(|most| Some((linux::reserve_guarded(most * bytes)?, most)))?;
        ROOM.store(most, Relaxed);
        RECORDS.store(start, Relaxed);
    }
    let open = OPEN.load(Relaxed);
    let more = OPENED.min(ROOM.load(Relaxed) - open);
    if more == 0 || !linux::open_reserved(RECORDS.load(Relaxed) + open * bytes, more * bytes) {
        return None;
    }
    OPEN.store(open + more, Relaxed);
    Some(())
}

impl Compartment {
    #[expect(clippy::cast_possible_truncation, reason = "numbers have fewer bits")]
    fn begin(&'static self, index: usize, options: &Options<'_>) -> bool {
        linux::set_small_source(map);
        let mut heap = Heap::new(Linux);
        statics::init_heap(&mut heap, COMPARTMENT | index as u32, options.fit);
        heap.set_growth(Growth::Small(ranges::usual_bytes().min(options.limit)));
        heap.set_trim(usize::MAX, usize::MAX, 0);
        let (limit, small) = (options.limit, Small::new());
        let inside = Inside { heap, small, limit, room: limit, least_room: limit, mallocs: 0, frees: 0 };
        // SAFETY: this thread has the number and the lock.
        let inside = unsafe {
            self.inside.get().write(inside);
            &mut *self.inside.get()
        };
        self.name.iter().zip(*Name::new(options.name).bytes()).for_each(|(to, byte)| to.store(byte, Relaxed));
        let exact = options.exact || options::checked() || valgrind::listens();
        self.deferred.store(0, Relaxed);
        self.index.store(index as u32, Relaxed);
        let given = matches!(options.memory, Memory::Given(..));
        let flags = [(options.fenced, FENCED), (given, GIVEN), (exact, EXACT), (options.internal, INTERNAL)];
        self.flags.store(flags.into_iter().map(|(is, flag)| u8::from(is) * flag).sum(), Relaxed);
        if !valgrind::quietly(|| self.take_memory(&mut inside.heap, options.memory)) {
            return false;
        }
        mempool::pool_created!(pointer::expose(&raw const *inside), GRAIN);
        let state = (self.state.load(Relaxed) & !DEAD) + 1;
        // The way without a lock knows no exact blocks.
        self.gate.store(if options.single && !exact { state } else { SHARED }, Relaxed);
        self.state.store(state, Release);
        true
    }

    /// Gives the heap what it has from the start. False, and it has nothing, if there is no memory for that.
    fn take_memory(&self, heap: &mut Heap<Linux>, memory: Memory) -> bool {
        let (start, len) = match memory {
            Memory::Growing => return true,
            Memory::Given(start, len) => (start, len),
            Memory::Range(len) => match ranges::map(len, self.is_fenced()) {
                Some(start) => (start, len),
                None => return false,
            },
        };
        self.announce(start, len);
        heap.set_growth(Growth::Given);
        let is_ours = !self.is_given();
        if !heap.adopt(start, len, is_ours) {
            if is_ours {
                ranges::unmap(start, len, self.is_fenced());
            }
            return false;
        }
        true
    }

    /// Tells the kernel and valgrind of a new range.
    fn announce(&self, start: usize, len: usize) {
        if valgrind::listens() {
            valgrind::hide(start, len);
        }
        if self.has_named_ranges() {
            mmap::name(start, len, Some(self.name().text()));
        }
    }

    /// Whether the kernel knows its ranges by its name.
    pub(super) fn has_named_ranges(&self) -> bool {
        self.name[0].load(Relaxed) != 0 && !self.is_given()
    }

    /// Whether each block knows how many bytes were asked for: see `exact`.
    #[inline(always)]
    pub fn is_exact(&self) -> bool {
        self.flags.load(Relaxed) & EXACT != 0
    }

    /// Whether untouchable units stand around its ranges.
    pub fn is_fenced(&self) -> bool {
        self.flags.load(Relaxed) & FENCED != 0
    }

    /// Whether its memory is the caller's, who has it back in the end.
    pub fn is_given(&self) -> bool {
        self.flags.load(Relaxed) & GIVEN != 0
    }

    /// Whether it is metes' own.
    pub fn is_internal(&self) -> bool {
        self.flags.load(Relaxed) & INTERNAL != 0
    }

    /// Its number.
    pub fn index(&self) -> usize {
        self.index.load(Relaxed) as usize
    }

    /// Lets the next one in, where one thread alone uses it: it was `BUSY`.
    #[inline(always)]
    pub(super) fn open_gate(&self) {
        self.gate.store(self.state.load(Relaxed), Relaxed);
    }

    /// Whether it is live.
    pub fn is_live(&self) -> bool {
        self.state.load(Acquire) & 1 != 0
    }

    /// Its handle, while it is live.
    pub fn handle(&self) -> Handle {
        Handle::of(self.index(), self.state.load(Relaxed))
    }

    /// Whether a handle is that of this one, which is live.
    #[inline(always)]
    pub fn is_of(&self, handle: Handle) -> bool {
        self.state.load(Acquire) == handle.state()
    }

    /// The generation, of this one or of the next that gets its number.
    pub fn generation(&self) -> u64 {
        (self.state.load(Relaxed) & !DEAD) >> 1
    }

    /// Says that it is not live any more. By whoever has entered it.
    pub(super) fn end(&self) {
        self.state.store((self.state.load(Relaxed) + 1) | DEAD, Release);
    }

    /// Puts its number among those that are free. It is not live, and nobody is in it.
    pub(super) fn give_number(&self) {
        let number = self.index.load(Relaxed) + 1;
        if !patience::take(&LOCK) {
            // It is never used again.
            return;
        }
        let [first, last, count] = &FREE;
        self.next.store(0, Relaxed);
        match (last.swap(number as usize, Relaxed)).checked_sub(1).and_then(at) {
            Some(before) => before.next.store(number, Relaxed),
            None => first.store(number as usize, Relaxed),
        }
        count.fetch_add(1, Relaxed);
        // SAFETY: locked above.
        unsafe { LOCK.unlock() };
    }

    /// Its name.
    pub fn name(&self) -> Name {
        Name::of(self.name.each_ref().map(|byte| byte.load(Relaxed)))
    }
}

/// Before a fork: nobody is at the table.
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
