//! Arenas: pieces are cut off a chunk one behind the other, and all go at once.
//!
//! ```text
//!   first -> [head|pieces......] -> [head|pieces...   ] -> [head|        ]     chunks: each twice as large as the one
//! before
//!                                     chunk      ^ at    ^ end    kept for later
//!   large -> [head|one piece] -> [head|one piece]                              what no chunk of the next size holds
//! ```
//!
//! An arena is one thread's at a time. It may be moved: nothing points at it. Nothing of it is followed before its
//! checksum was verified, and all walks are over chunks that are counted.

#![allow(unsafe_code)]

pub mod check;
pub mod chunk;
mod grow;
pub mod handle;
pub mod options;
pub mod records;
pub mod rewind;
mod seal;
#[cfg(test)]
mod tests;

use crate::base::align;
use crate::base::config::GRAIN;
use crate::process::{options as process, start};
use crate::special::memory::Memory;
use crate::sys::mempool::{pool_allocated, pool_created, pool_resized};
use crate::sys::valgrind;
use chunk::{Chunk, HEAD};
use core::cell::Cell;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicU64, Ordering};
use options::Options;
use records::{Cleanup, MarkRecord};

/// What an arena is.
#[repr(C)]
#[derive(Debug)]
pub struct Arena {
    /// Where the next piece may begin.
    at: Cell<*mut u8>,
    /// Up to where `bump` hands out, aligned to `GRAIN`: the end of the chunk, or `at` where valgrind is told of each
    /// piece.
    end: Cell<*mut u8>,
    /// The chunk that `at` is in. There is one if there is any.
    chunk: Cell<Option<Chunk>>,
    first: Cell<Option<Chunk>>,
    /// Chunks of one piece each, the last one first.
    large: Cell<Option<Chunk>>,
    /// Such chunks that have none, after a reset.
    spare: Cell<Option<Chunk>>,
    marks: Cell<Option<NonNull<MarkRecord>>>,
    cleanups: Cell<Option<NonNull<Cleanup>>>,
    roots: Cell<Option<NonNull<Root>>>,
    /// Where chunks come from; `None`: there is one, and will be no other.
    memory: Option<Memory>,
    options: Options,
    /// Which arena it is: no two have the same.
    id: u64,
    /// The last mark's number.
    serial: Cell<u64>,
    /// Whether cleanups are being run.
    busy: Cell<bool>,
    /// Whether valgrind is told of each piece.
    told: bool,
    /// Bytes between pieces, for valgrind.
    gap: usize,
    counts: Counts,
}

/// What an arena counts.
#[derive(Default, Debug)]
struct Counts {
    /// Bytes of all chunks.
    held: Cell<usize>,
    /// Bytes that pieces have in the chunks before the current one.
    before: Cell<usize>,
    large_bytes: Cell<usize>,
    chunks: Cell<usize>,
    large: Cell<usize>,
    spare: Cell<usize>,
    marks: Cell<usize>,
    cleanups: Cell<usize>,
    /// The most bytes that were in use, but for what is now.
    used_peak: Cell<usize>,
    held_peak: Cell<usize>,
    /// How often memory was asked for.
    requests: Cell<u64>,
    resets: Cell<u64>,
    rewinds: Cell<u64>,
}

/// Memcheck's leak check takes each piece for a block that something has to lead to: what leads to the arena leads to
/// all of them by these.
#[repr(C)]
#[derive(Debug)]
struct Root {
    prev: Option<NonNull<Root>>,
    piece: NonNull<u8>,
}

static IDS: AtomicU64 = AtomicU64::new(1);

/// What separates pieces where valgrind listens and there is no limit that it could exceed.
const GAP: usize = 16;

impl Arena {
    /// Where in it the two words are that `bump` reads.
    pub const PLACE_AND_END: (usize, usize) = (core::mem::offset_of!(Self, at), core::mem::offset_of!(Self, end));

    fn with(memory: Option<Memory>, options: Options) -> Self {
        start::ensure();
        let told = valgrind::listens();
        let roomy = memory.is_some() && options.limit == usize::MAX;
        Self {
            at: Cell::new(null_mut()),
            end: Cell::new(null_mut()),
            chunk: Cell::default(),
            first: Cell::default(),
            large: Cell::default(),
            spare: Cell::default(),
            marks: Cell::default(),
            cleanups: Cell::default(),
            roots: Cell::default(),
            memory,
            options,
            id: IDS.fetch_add(1, Ordering::Relaxed),
            serial: Cell::new(0),
            busy: Cell::new(false),
            told,
            gap: if told && roomy { GAP } else { 0 },
            counts: Counts::default(),
        }
    }

    /// An arena that takes chunks from `memory`, the first one when it is needed. The options are resolved.
    pub fn new(memory: Memory, options: Options) -> Self {
        Self::with(Some(memory), options)
    }

    /// An arena in memory that is there, and never has more. It serves nothing if there is less than a chunk's head.
    ///
    /// # Safety
    /// Nobody else uses the memory until the arena was let go by `close`.
    pub unsafe fn over(buffer: NonNull<u8>, bytes: usize) -> Self {
        let arena = Self::with(None, Options { first_chunk: 0, max_chunk: 0, limit: bytes, keep: bytes });
        let skipped = buffer.addr().get().wrapping_neg() % GRAIN;
        let size = align::down(bytes.saturating_sub(skipped), GRAIN);
        if size > HEAD {
            // SAFETY: within the buffer, aligned, and the caller's promise.
            let chunk = unsafe { Chunk::make(buffer.add(skipped), size) };
            arena.adopt(chunk);
            arena.link(chunk);
            arena.enter(chunk);
        }
        arena
    }

    /// `bytes` bytes aligned to `align`, a power of two, if the chunk has them: what nearly all calls end in.
    #[inline(always)]
    pub fn bump(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        let start = self.at.get().map_addr(|at| at.wrapping_add(align - 1) & !(align - 1));
        let (from, end) = (start.addr(), self.end.get().addr());
        if align > GRAIN && from > end {
            return None;
        }
        // No bytes are too many here, as a piece of none has an address of its own.
        if bytes.wrapping_sub(1) >= end.wrapping_sub(from) {
            return None;
        }
        self.at.set(start.wrapping_add(bytes));
        // SAFETY: something lies between it and the end.
        Some(unsafe { NonNull::new_unchecked(start) })
    }

    /// The same for who does not resize pieces: what follows a piece is aligned as it is. So nearly always there is
    /// nothing to round up, and a branch that is foretold keeps that out of the way from one piece to the next.
    #[inline(always)]
    pub fn bump_padded(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        let (at, end) = (self.at.get(), self.end.get().addr());
        let start = if align::is(at.addr(), align) { at } else { align_up(at, align) };
        let from = start.addr();
        if align > GRAIN && from > end {
            return None;
        }
        // The end is aligned to `GRAIN`: if there is room for the bytes, there is for them padded.
        if bytes.wrapping_sub(1) >= end.wrapping_sub(from) {
            return None;
        }
        let padding = if align < GRAIN { align } else { GRAIN };
        self.at.set(start.wrapping_add(align::up(bytes, padding)));
        // SAFETY: something lies between it and the end.
        Some(unsafe { NonNull::new_unchecked(start) })
    }

    /// `bytes` bytes aligned to `align`, a power of two, padded as by `bump_padded`. `None`, and `ENOMEM` in errno, if
    /// there is no memory.
    #[inline(always)]
    pub fn alloc_padded(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        match self.bump_padded(align, bytes) {
            None => self.alloc_slowly(align, bytes),
            piece => piece,
        }
    }

    /// `bytes` bytes aligned to `align`, a power of two. `None`, and `ENOMEM` in errno, if there is no memory.
    #[inline(always)]
    pub fn alloc(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        match self.bump(align, bytes) {
            None => self.alloc_slowly(align, bytes),
            piece => piece,
        }
    }

    /// The same where `bump` had none.
    #[cold]
    #[inline(never)]
    pub fn alloc_slowly(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        let piece = self.alloc_unrooted(align, bytes);
        if self.gap != 0
            && let Some(piece) = piece
            && let Some(place) = self.alloc_unrooted(GRAIN, size_of::<Root>())
        {
            // SAFETY: the place is as large, and nobody else's.
            unsafe { place.cast().write(Root { prev: self.roots.get(), piece }) };
            self.roots.set(Some(place.cast()));
        }
        piece
    }

    /// A piece that something else of the arena leads to.
    fn alloc_unrooted(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        let bytes = bytes.max(1);
        let piece = self.take(align, bytes).or_else(|| self.take_from_next(align, bytes));
        piece.or_else(|| self.grow(align, bytes))
    }

    /// What a piece takes up: more than its bytes where valgrind is to see what is written behind it.
    fn footprint(&self, bytes: usize) -> usize {
        if self.told {
            align::up_checked(bytes, GRAIN).and_then(|whole| whole.checked_add(self.gap)).unwrap_or(usize::MAX)
        } else {
            bytes
        }
    }

    /// From the current chunk.
    fn take(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        let chunk = self.chunk.get()?;
        let start = self.at.get().map_addr(|at| at.wrapping_add(align - 1) & !(align - 1));
        let whole = self.footprint(bytes);
        if whole > chunk.end().addr().checked_sub(start.addr())? {
            return None;
        }
        self.move_to(chunk, start.wrapping_add(whole));
        pool_allocated!(chunk.address(), start.addr(), bytes);
        NonNull::new(start)
    }

    fn move_to(&self, chunk: Chunk, at: *mut u8) {
        self.chunk.set(Some(chunk));
        self.at.set(at);
        self.end.set(if self.told { at } else { chunk.end() });
    }

    /// Counts a new chunk, which is its alone.
    fn adopt(&self, chunk: Chunk) {
        add(&self.counts.held, chunk.size());
        self.counts.held_peak.set(self.counts.held_peak.get().max(self.counts.held.get()));
        if self.told {
            if self.memory.is_some() {
                valgrind::shrink(chunk.address(), chunk.size(), HEAD);
            }
            pool_created!(chunk.address(), self.gap);
            valgrind::hide(chunk.start().addr(), chunk.size() - HEAD);
            chunk.set_start(chunk.start().wrapping_add(self.gap));
        }
    }

    /// Resizes a piece of `old` bytes: in place if it is the last one or becomes smaller, else it moves, aligned to
    /// `GRAIN`.
    ///
    /// # Safety
    /// It is a piece of this arena, and of so many bytes.
    pub unsafe fn realloc(&self, piece: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>> {
        if self.resize_last(piece, old, new) || new <= old {
            return Some(piece);
        }
        let moved = self.alloc(GRAIN, new)?;
        // SAFETY: both have so many bytes, and a piece is handed out once.
        unsafe { moved.copy_from_nonoverlapping(piece, old) };
        Some(moved)
    }

    fn resize_last(&self, piece: NonNull<u8>, old: usize, new: usize) -> bool {
        let Some(chunk) = self.chunk.get() else { return false };
        let (start, at, end) = (piece.addr().get(), self.at.get().addr(), chunk.end().addr());
        let is_last = start.checked_add(self.footprint(old.max(1))) == Some(at) && chunk.spans(start);
        let whole = self.footprint(new.max(1));
        if !is_last || whole > end - start {
            return false;
        }
        self.note_peak();
        self.move_to(chunk, piece.as_ptr().wrapping_add(whole));
        if !self.told && new < old {
            self.wipe(chunk, start + whole, at);
        }
        pool_resized!(chunk.address(), start, old.max(1), new.max(1));
        true
    }

    /// Whether bytes that somebody has for a piece are behind the last one, in the current chunk. What is elsewhere is
    /// not looked at.
    pub fn is_free(&self, start: usize, bytes: usize) -> bool {
        let at = self.at.get().addr();
        self.chunk.get().is_some_and(|chunk| chunk.spans(start)) && start.saturating_add(bytes) > at
    }

    /// Whether an address is in what was handed out and not taken back.
    pub fn owns(&self, address: usize) -> bool {
        let used = |chunk: Chunk| if self.chunk.get() == Some(chunk) { self.used_here() } else { chunk.used() };
        self.live_chunks().any(|chunk| chunk.has(address, used(chunk)))
            || self.large_chunks().any(|chunk| chunk.has(address, chunk.used()))
    }

    /// Bytes of the current chunk that pieces have.
    fn used_here(&self) -> usize {
        self.at.get().addr() - chunk::start_of(self.chunk.get()).addr()
    }

    /// Bytes that pieces have, with what their alignment has cost.
    pub fn used(&self) -> usize {
        self.counts.before.get() + self.used_here() + self.counts.large_bytes.get()
    }

    /// Bytes of all chunks.
    pub fn held(&self) -> usize {
        self.counts.held.get()
    }

    fn note_peak(&self) {
        self.counts.used_peak.set(self.counts.used_peak.get().max(self.used()));
    }

    /// The chunks that have pieces, from the current one back.
    fn live_chunks(&self) -> impl Iterator<Item = Chunk> + use<> {
        core::iter::successors(self.chunk.get(), |chunk| chunk.prev()).take(self.counts.chunks.get())
    }

    fn large_chunks(&self) -> impl Iterator<Item = Chunk> + use<> {
        core::iter::successors(self.large.get(), |chunk| chunk.next()).take(self.counts.large.get())
    }

    /// Whether freed parts are filled.
    fn fills(&self) -> bool {
        !self.told && process::checked()
    }
}

/// Rounds up, out of the way.
#[cold]
#[inline(always)]
fn align_up(at: *mut u8, align: usize) -> *mut u8 {
    core::hint::cold_path();
    at.map_addr(|at| at.wrapping_add(align - 1) & !(align - 1))
}

fn add(count: &Cell<usize>, n: usize) {
    count.set(count.get() + n);
}

fn subtract(count: &Cell<usize>, n: usize) {
    count.set(count.get() - n);
}
