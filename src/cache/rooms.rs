//! Rooms: where thread caches stand, with a word for each that says which thread owns it.
//!
//! ```text
//!     | guard | words | cache | cache | cache |  not opened yet ... | guard |       a room
//! ```
//!
//! The first cache stands alone, as many programs have no other. The others stand side by side in rooms. Each
//! room has four times as many as the one before, up to 256. So all caches of a process take few of the kernel's
//! map entries, of which it may have 65,530, whereas each thread takes two for its stack. A room is address
//! space alone at first. A cache's pages are opened when it is first used, lowest first; the rest of the room
//! belongs to the guard. Rooms are never unmapped.
//!
//! The words stand apart from the caches. So the pages of a cache without an owner can go back, and a search for a free
//! cache, or a walk over all words, touches no cache.

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

/// Flag in a cache's word: its pages are accessible.
pub const OPEN: u64 = 1 << 63;
/// Flag: the cache is laid out, and not all zero.
pub const LAID: u64 = 1 << 31;
/// Flag: no thread has had the cache since the helper looked last.
pub const OLD: u64 = 1 << 30;

/// How many caches the second room has, and the most of any room.
const CACHES_FIRST: usize = 4;
const CACHES_MOST: usize = 256;
/// Rooms of at least this many bytes are advised against huge pages: only a few pages of each cache are used.
const HUGE: usize = 2 << 20;

/// A room. Its words stand behind it.
#[repr(C)]
pub struct Room {
    /// The address of the room that was made after this one.
    pub(super) next: AtomicUsize,
    /// The address of the first cache; 0 where that is not mapped yet.
    pub(super) caches: AtomicUsize,
    /// How many caches have space here.
    pub(super) size: Unshared<usize>,
    /// How many of them were opened. A hint: too low where a fork came in between.
    opened: AtomicUsize,
    /// Lower half: how many open caches have no owner. Upper half: the fork count of the process that counted them.
    /// A hint: possibly too high, never too low.
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

/// The room that the list of rooms begins with.
pub static FIRST_ROOM: &Room = &FIRST.room;

const _: () = assert!(core::mem::offset_of!(First, word) == size_of::<Room>());

/// Bytes from one cache to the next.
fn stride() -> usize {
    align::up(cache::BYTES, Linux.page_size())
}

/// Bytes of the pages that hold a room and its words.
fn head(size: usize) -> usize {
    align::up(size_of::<Room>() + size * size_of::<AtomicU64>(), Linux.page_size())
}

/// Changes a word that other threads may be changing, and returns its old value.
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
        // SAFETY: rooms are never unmapped.
        unsafe { pointer::at::<Room>(address).as_ref() }
    };
    let first = at(pointer::expose(&raw const FIRST));
    core::iter::successors(first, move |room| at(room.next.load(Ordering::Acquire)))
}

/// The places of all caches, whether made or not.
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

/// The place with this number, modulo the number of places.
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

/// Makes another room. False if there is no memory for one. True also if another thread has made one meanwhile.
pub fn add() -> bool {
    let (count, last) = rooms().fold((0, &FIRST.room), |(count, _), room| (count + 1, room));
    let size = CACHES_MOST.min(CACHES_FIRST << (2 * (count - 1)).min(CACHES_MOST.ilog2() as usize));
    let Some(made) = Made::reserved(size).or_else(|| Made::reserved(1)).or_else(Made::plain) else { return false };
    // SAFETY: zeroed memory, and no other thread has seen it yet.
    let room: &'static Room = unsafe { pointer::to_ref(made.start) };
    room.caches.store(made.start + head(made.size), Relaxed);
    room.size.set(made.size);
    if last.next.compare_exchange(0, made.start, Ordering::AcqRel, Relaxed).is_err() {
        made.undo();
    }
    true
}

/// The memory of a new room.
struct Made {
    /// Where its words are.
    start: usize,
    size: usize,
    /// Whether the pages of its caches are still to be opened.
    reserved: bool,
}

impl Made {
    /// Address space, of which only the words are accessible.
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

    /// A room for one cache, where the kernel refuses to open pages later.
    fn plain() -> Option<Self> {
        let start = Linux.map_guarded(head(1) + stride(), Linux.page_size())?;
        // SAFETY: as in `add`.
        let word = unsafe { pointer::to_ref::<AtomicU64>(start + size_of::<Room>()) };
        word.store(OPEN, Relaxed);
        Some(Self { start, size: 1, reserved: false })
    }

    /// Gives back the memory of a room that no other thread has seen.
    fn undo(self) {
        // SAFETY: given back as it was made.
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
    /// The places in the room.
    pub fn places(&'static self) -> impl Iterator<Item = Place> {
        (0..self.size.get()).map(move |index| Place { room: self, index })
    }

    /// The places in the room from `first` on.
    pub fn places_from(&'static self, first: &Place) -> impl Iterator<Item = Place> {
        self.places().skip(first.index)
    }

    /// Whether some of the caches were not opened yet.
    pub fn has_unopened(&self) -> bool {
        self.opened.load(Relaxed) < self.size.get()
    }

    /// How many of the caches are open and have no owner, or more. `forks` is the fork count of the calling process.
    pub fn idle(&self, forks: u64) -> usize {
        self.idle_of(self.idle.load(Relaxed), forks)
    }

    fn idle_of(&self, word: u64, forks: u64) -> usize {
        let all = self.size.get();
        // The word was written before a fork; this process has not counted yet.
        if word >> u32::BITS == forks { (word & u64::from(u32::MAX)) as usize } else { all }
    }

    /// Counts caches that have no owner any more, or, where `by` is negative, caches that have one again.
    pub fn count_idle(&self, forks: u64, by: isize) {
        let most = self.size.get();
        let count = |word| self.idle_of(word, forks).saturating_add_signed(by).min(most) as u64;
        update(&self.idle, Relaxed, |word| forks << u32::BITS | count(word));
    }
}

/// Where a cache stands.
#[derive(Clone, Copy)]
pub struct Place {
    /// The room of the cache.
    pub room: &'static Room,
    index: usize,
}

impl Place {
    /// The cache's word: its flags, and its owner in the form that `threads` gives it.
    pub fn word(&self) -> &'static AtomicU64 {
        let words = pointer::expose(self.room) + size_of::<Room>();
        // SAFETY: a room has a word for each of its places behind it.
        unsafe { pointer::to_ref(words + self.index * size_of::<AtomicU64>()) }
    }

    /// The cache, if it is laid out. Its pages may go back while a thread that does not own it reads
    /// it: then it is all zero.
    pub fn laid(&self) -> Option<&'static Cache> {
        (self.word().load(Ordering::Acquire) & LAID != 0).then(|| self.cache())
    }

    fn address(&self) -> usize {
        self.room.caches.load(Ordering::Acquire) + self.index * stride()
    }

    /// The cache, which is open.
    fn cache(&self) -> &'static Cache {
        // SAFETY: pages of a cache's size and alignment, never unmapped, all of which are atomics.
        unsafe { pointer::to_ref(self.address()) }
    }

    /// Makes the cache's pages accessible. Called by its owner. False where there is no memory.
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
        // The bit is not set, and a signal handler that forks changes other bits.
        self.word().fetch_add(OPEN, Relaxed);
        self.room.opened.fetch_add(1, Relaxed);
        true
    }

    /// Lays out the cache, which is open, unless it is laid out. Called by its owner, which claimed
    /// it when its word was `old`.
    pub fn lay(&self, old: u64) -> &'static Cache {
        let cache = self.cache();
        if old & LAID == 0 {
            if old & !OPEN != 0 {
                // Its last owner was cut off in the middle of something.
                cache.wipe();
            }
            cache.begin();
            self.word().fetch_add(LAID, Ordering::Release);
        }
        cache
    }

    /// Gives back the pages of `count` adjacent caches from here on, which the caller owns and which
    /// are not laid out any more.
    pub fn purge(&self, count: usize) {
        // SAFETY: the content is not needed any more, see `laid`.
        if !unsafe { Linux.purge(self.address(), count * stride()) } {
            // The kernel refuses this for locked pages, for example.
            (0..count).for_each(|more| Self { index: self.index + more, ..*self }.cache().wipe());
        }
    }
}

#[cfg(feature = "models")]
/// For the models.
pub mod models {
    use super::*;

    /// Unmaps all caches at the end of a run of a model, which has many runs.
    pub fn unmap_all() {
        let made = rooms().skip(1).map(|room| (core::ptr::from_ref(room).addr(), room.size.get()));
        // SAFETY: no thread uses them any more.
        unsafe {
            let unmap = |(start, size)| linux::unreserve_guarded(start, head(size) + size * stride(), 0);
            made.collect::<std::vec::Vec<_>>().into_iter().for_each(unmap);
            Linux.unmap_guarded(FIRST.room.caches.load(Relaxed), stride());
        }
    }
}
