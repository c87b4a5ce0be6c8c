//! Where thread caches stand, and a word for each that says whose it is.
//!
//! ```text
//!     | guard | words | cache | cache | cache |  not opened yet ... | guard |       a room
//! ```
//!
//! The first cache stands alone, as many programs have no other. The others stand side by side in rooms, each of four times as many as the one
//! before, up to 256: all that a process has are few ranges in the kernel's books, of which it may have 65,530, whereas each thread has
//! two for its stack. A room is address space alone at first. A cache's pages are opened when it is first used, lowest first, and the rest of the room
//! is a part of the guard. Rooms stay.
//!
//! The words stand apart from the caches: what a cache without an owner has of pages can go back, and who looks for one to take, or at all that
//! there are, touches none of them.

#![allow(unsafe_code)]

use super::cache::{self, Cache};
use crate::base::shared::{AtomicU64, AtomicUsize, Unshared};
use crate::base::{align, pointer};
use crate::sys::linux::{self, Linux};
use crate::sys::pages::PageSource;
use core::sync::atomic::Ordering;
use core::sync::atomic::Ordering::Relaxed;

/// How many caches have an owner.
pub(super) static OWNED: AtomicUsize = AtomicUsize::new(0);

/// How many threads have a cache.
pub fn owned() -> usize {
    OWNED.load(Relaxed)
}

/// The flags in a cache's word: its pages can be used;
pub const OPEN: u64 = 1 << 63;
/// it is laid out, and not all zero;
pub const LAID: u64 = 1 << 31;
/// nobody has had it since the helper looked last.
pub const OLD: u64 = 1 << 30;

/// The caches of the second room, and the most of one.
const CACHES_FIRST: usize = 4;
const CACHES_MOST: usize = 256;
/// Rooms of so many bytes are told to be without huge pages: a few pages are used of each cache.
const HUGE: usize = 2 << 20;

/// A room. The words stand behind it.
#[repr(C)]
pub struct Room {
    /// The address of the one that was made after it.
    next: AtomicUsize,
    /// The address of its first cache; 0 where that is not mapped yet.
    caches: AtomicUsize,
    /// How many there is room for.
    size: Unshared<usize>,
    /// How many of them were opened. A hint: fewer than were, where a fork came between.
    opened: AtomicUsize,
    /// How many of those that are open nobody has, below, and at how many forks they were counted, above. A hint: too many, not too few.
    idle: AtomicU64,
}

/// The room of the first cache.
#[repr(C)]
struct First {
    room: Room,
    word: AtomicU64,
}

static FIRST: First = First {
    room: Room {
        next: AtomicUsize::new(0),
        caches: AtomicUsize::new(0),
        size: Unshared::new(1),
        opened: AtomicUsize::new(0),
        idle: AtomicU64::new(0),
    },
    word: AtomicU64::new(0),
};

const _: () = assert!(core::mem::offset_of!(First, word) == size_of::<Room>());

/// Bytes from a cache to the next.
fn stride() -> usize {
    align::up(cache::BYTES, Linux.page_size())
}

/// Bytes of the page or pages that a room and its words are on.
fn head(size: usize) -> usize {
    align::up(size_of::<Room>() + size * size_of::<AtomicU64>(), Linux.page_size())
}

/// Changes a word that others may be changing; what it said before.
pub fn update(word: &AtomicU64, order: Ordering, change: impl Fn(u64) -> u64) -> u64 {
    let mut old = word.load(Relaxed);
    loop {
        match word.compare_exchange_weak(old, change(old), order, Relaxed) {
            Ok(_) => return old,
            Err(now) => old = now,
        }
    }
}

/// All rooms, the oldest first.
pub fn rooms() -> impl Iterator<Item = &'static Room> {
    let at = |address: usize| {
        // SAFETY: rooms stay.
        unsafe { pointer::at::<Room>(address).as_ref() }
    };
    let first = at(pointer::expose(&raw const FIRST));
    core::iter::successors(first, move |room| at(room.next.load(Ordering::Acquire)))
}

/// The places of all caches, made or not.
pub fn places() -> impl Iterator<Item = Place> {
    rooms().flat_map(Room::places)
}

/// The place of a cache.
pub fn place_of(cache: &Cache) -> Option<Place> {
    rooms().find_map(|room| {
        let index = cache.address().wrapping_sub(room.caches.load(Relaxed)) / stride();
        (index < room.size.get()).then_some(Place { room, index })
    })
}

/// The place of that number, counted round and round over all.
pub fn place_at(number: usize) -> Place {
    let count = rooms().map(|room| room.size.get()).sum::<usize>();
    let mut index = number % count;
    let holds = |room: &&'static Room| {
        let size = room.size.get();
        let here = index < size;
        index -= if here { 0 } else { size };
        here
    };
    let room = rooms().find(holds).unwrap_or(&FIRST.room);
    Place { room, index }
}

/// Makes another room. False if there is no memory for one. Others may have made one meanwhile: that is as good.
pub fn add() -> bool {
    let (count, last) = rooms().fold((0, &FIRST.room), |(count, _), room| (count + 1, room));
    let size = CACHES_MOST.min(CACHES_FIRST << (2 * (count - 1)).min(CACHES_MOST.ilog2() as usize));
    let Some(made) = Made::reserved(size).or_else(|| Made::reserved(1)).or_else(Made::plain) else { return false };
    // SAFETY: zeroed memory, and nobody has seen it yet.
    let room: &'static Room = unsafe { pointer::to_ref(made.start) };
    room.caches.store(made.start + head(made.size), Relaxed);
    room.size.set(made.size);
    if last.next.compare_exchange(0, made.start, Ordering::AcqRel, Relaxed).is_err() {
        made.undo();
    }
    true
}

/// Memory of a new room.
struct Made {
    /// Where its words are.
    start: usize,
    size: usize,
    /// Whether its caches' pages are to be opened.
    reserved: bool,
}

impl Made {
    /// Address space, of which the words can be used.
    fn reserved(size: usize) -> Option<Self> {
        let (page, len) = (Linux.page_size(), head(size) + size * stride());
        let start = linux::reserve_guarded(len)?;
        if !linux::open_reserved(start, head(size)) {
            // SAFETY: reserved just now.
            unsafe { linux::unreserve_guarded(start, len, 0) };
            return None;
        }
        if len >= HUGE {
            Linux.advise_huge(start - page, len + 2 * page, false);
        }
        Some(Self { start, size, reserved: true })
    }

    /// For one cache, where the kernel does not let pages be opened later.
    fn plain() -> Option<Self> {
        let start = Linux.map_guarded(head(1) + stride(), Linux.page_size())?;
        // SAFETY: as in `add`.
        let word = unsafe { pointer::to_ref::<AtomicU64>(start + size_of::<Room>()) };
        word.store(OPEN, Relaxed);
        Some(Self { start, size: 1, reserved: false })
    }

    /// Gives back what nobody has seen.
    fn undo(self) {
        // SAFETY: made as it is given back.
        unsafe {
            if self.reserved {
                linux::unreserve_guarded(self.start, head(self.size) + self.size * stride(), head(self.size));
            } else {
                Linux.unmap_guarded(self.start, head(1) + stride());
            }
        }
    }
}

impl Room {
    /// The places in it.
    pub fn places(&'static self) -> impl Iterator<Item = Place> {
        (0..self.size.get()).map(move |index| Place { room: self, index })
    }

    /// The places in it from one of them on.
    pub fn places_from(&'static self, first: &Place) -> impl Iterator<Item = Place> {
        self.places().skip(first.index)
    }

    /// Whether not all of its caches were opened.
    pub fn has_unopened(&self) -> bool {
        self.opened.load(Relaxed) < self.size.get()
    }

    /// How many of its caches are open and without an owner, or more, in a process with so many forks before it.
    pub fn idle(&self, forks: u64) -> usize {
        self.idle_of(self.idle.load(Relaxed), forks)
    }

    fn idle_of(&self, word: u64, forks: u64) -> usize {
        let all = self.size.get();
        // The forked process has not counted.
        if word >> u32::BITS == forks { (word & u64::from(u32::MAX)) as usize } else { all }
    }

    /// Counts caches that have no owner any more, or, where `by` is negative, that have one now.
    pub fn count_idle(&self, forks: u64, by: isize) {
        let most = self.size.get();
        let count = |word| self.idle_of(word, forks).saturating_add_signed(by).min(most) as u64;
        update(&self.idle, Relaxed, |word| forks << u32::BITS | count(word));
    }
}

/// Where a cache stands.
#[derive(Clone, Copy)]
pub struct Place {
    /// The room it is in.
    pub room: &'static Room,
    index: usize,
}

impl Place {
    /// The cache's word: its flags, and its owner as `threads` has it.
    pub fn word(&self) -> &'static AtomicU64 {
        let words = pointer::expose(self.room) + size_of::<Room>();
        // SAFETY: so many words stand behind a room.
        unsafe { pointer::to_ref(words + self.index * size_of::<AtomicU64>()) }
    }

    /// The cache, if it is laid out. Its pages may go back while somebody looks at it who does not own it: it is all zero then.
    pub fn laid(&self) -> Option<&'static Cache> {
        (self.word().load(Ordering::Acquire) & LAID != 0).then(|| self.cache())
    }

    fn address(&self) -> usize {
        self.room.caches.load(Ordering::Acquire) + self.index * stride()
    }

    /// The cache, which is open.
    fn cache(&self) -> &'static Cache {
        // SAFETY: pages of a cache's size and alignment, never unmapped, of which all is atomics.
        unsafe { pointer::to_ref(self.address()) }
    }

    /// Lets the cache's pages be used. By its owner. False where there is no memory.
    pub fn open(&self) -> bool {
        if self.word().load(Relaxed) & OPEN != 0 {
            return true;
        }
        if self.room.caches.load(Relaxed) == 0 {
            let Some(address) = Linux.map_guarded(stride(), Linux.page_size()) else { return false };
            self.room.caches.store(address, Ordering::Release);
        } else if !core::ptr::eq(self.room, &raw const FIRST.room) && !linux::open_reserved(self.address(), stride()) {
            return false;
        }
        // The bit is not set, and a signal handler that forks changes others.
        self.word().fetch_add(OPEN, Relaxed);
        self.room.opened.fetch_add(1, Relaxed);
        true
    }

    /// The cache, which is open, laid out. By its owner, who had it as its word was `old`.
    pub fn lay(&self, old: u64) -> &'static Cache {
        let cache = self.cache();
        if old & LAID == 0 {
            if old & !OPEN != 0 {
                // Whoever was at it is gone.
                cache.wipe();
            }
            cache.begin();
            self.word().fetch_add(LAID, Ordering::Release);
        }
        cache
    }

    /// Gives back the pages of caches side by side, `count` from here on, which the caller owns and which are not laid out any more.
    pub fn purge(&self, count: usize) {
        // SAFETY: nobody needs what is in them, see `laid`.
        if !unsafe { Linux.purge(self.address(), count * stride()) } {
            // As for pages that are locked.
            (0..count).for_each(|more| Self { index: self.index + more, ..*self }.cache().wipe());
        }
    }
}

#[cfg(feature = "models")]
/// For the models.
pub mod models {
    use super::*;

    /// At the end of a model's run, of which there are many.
    pub fn unmap_all() {
        let made = rooms().skip(1).map(|room| (core::ptr::from_ref(room).addr(), room.size.get()));
        // SAFETY: nobody uses them any more.
        unsafe {
            let unmap = |(start, size)| linux::unreserve_guarded(start, head(size) + size * stride(), 0);
            made.collect::<std::vec::Vec<_>>().into_iter().for_each(unmap);
            Linux.unmap_guarded(FIRST.room.caches.load(Relaxed), stride());
        }
    }
}
