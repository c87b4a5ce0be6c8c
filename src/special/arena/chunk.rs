//! Chunks: what an arena has from its memory. A head of sealed words, and the pieces behind it.

#![allow(unsafe_code)]

use super::seal;
use crate::base::config::GRAIN;
use core::cell::Cell;
use core::ptr::{NonNull, null_mut};

/// A chunk: where its head stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chunk(NonNull<Head>);

/// What is known of a chunk.
#[repr(C, align(16))]
#[derive(Debug)]
struct Head {
    /// The one that was made before it.
    prev: Cell<Option<Chunk>>,
    /// The one that comes after it.
    next: Cell<Option<Chunk>>,
    /// Its bytes, the head among them.
    size: Cell<usize>,
    /// Bytes of it that pieces had when the arena went on to the next chunk; in a chunk for one piece, what was asked
    /// for.
    used: Cell<usize>,
    /// Where pieces begin.
    start: Cell<*mut u8>,
    seal: Cell<u64>,
}

/// What a chunk's head says.
pub struct Read {
    /// The chunk after it.
    pub next: Option<Chunk>,
    /// Where pieces begin.
    pub start: *mut u8,
    /// Where it ends.
    pub end: *mut u8,
}

/// Bytes of a head.
pub const HEAD: usize = size_of::<Head>();

const _: () = assert!(HEAD.is_multiple_of(GRAIN));

fn word(chunk: Option<Chunk>) -> usize {
    chunk.map_or(0, Chunk::address)
}

impl Head {
    fn words(&self) -> [usize; 5] {
        [word(self.prev.get()), word(self.next.get()), self.size.get(), self.used.get(), self.start.get().addr()]
    }
}

impl Chunk {
    /// Makes a chunk of memory.
    ///
    /// # Safety
    /// `size` bytes are there, aligned to `GRAIN`, at least `HEAD` of them, and nobody else uses them for as long as
    /// there is the chunk.
    pub unsafe fn make(memory: NonNull<u8>, size: usize) -> Self {
        // SAFETY: within the memory.
        let start = unsafe { memory.add(HEAD) };
        let (prev, next) = (Cell::new(None), Cell::new(None));
        let (size, used, start) = (Cell::new(size), Cell::new(0), Cell::new(start.as_ptr()));
        // SAFETY: the caller's promise.
        unsafe { memory.cast().write(Head { prev, next, size, used, start, seal: Cell::new(0) }) };
        let chunk = Self(memory.cast());
        chunk.seal();
        chunk
    }

    fn raw(&self) -> &Head {
        // SAFETY: a chunk has a head while it is there, and the arena lets go of it before.
        unsafe { self.0.as_ref() }
    }

    #[inline(never)]
    fn seal(self) {
        self.raw().seal.set(seal::of(self.address(), &self.raw().words()));
    }

    /// Whether its head is what was written there.
    #[inline(always)]
    pub fn is_whole(self) -> bool {
        seal::holds(self.raw().seal.get(), self.address(), &self.raw().words())
    }

    #[inline(never)]
    fn head(&self) -> &Head {
        if !self.is_whole() {
            seal::broken(self.address());
        }
        self.raw()
    }

    fn change(self, change: impl FnOnce(&Head)) {
        change(self.head());
        self.seal();
    }

    /// All that its head says, verified at once.
    #[inline(always)]
    pub fn read(self) -> Read {
        if !self.is_whole() {
            seal::broken(self.address());
        }
        let head = self.raw();
        let end = self.memory().as_ptr().wrapping_add(head.size.get());
        Read { next: head.next.get(), start: head.start.get(), end }
    }

    /// Says how many bytes of it pieces have, just after it was read.
    #[inline(always)]
    pub fn set_used_of_read(self, used: usize) {
        self.raw().used.set(used);
        self.seal();
    }

    /// Where it stands.
    pub fn address(self) -> usize {
        self.0.addr().get()
    }

    /// The memory that it was made of.
    pub fn memory(self) -> NonNull<u8> {
        self.0.cast()
    }

    /// The one before it.
    pub fn prev(self) -> Option<Self> {
        self.head().prev.get()
    }

    /// The one after it.
    pub fn next(self) -> Option<Self> {
        self.head().next.get()
    }

    /// Its bytes.
    pub fn size(self) -> usize {
        self.head().size.get()
    }

    /// What pieces have of it, as `set_used` has said.
    pub fn used(self) -> usize {
        self.head().used.get()
    }

    /// Where pieces begin.
    pub fn start(self) -> *mut u8 {
        self.head().start.get()
    }

    /// Where it ends.
    pub fn end(self) -> *mut u8 {
        self.memory().as_ptr().wrapping_add(self.head().size.get())
    }

    /// Whether an address is behind its head, or at its end.
    pub fn spans(self, address: usize) -> bool {
        self.address() + HEAD <= address && address <= self.end().addr()
    }

    /// Whether an address is in the first `used` bytes behind its start.
    pub fn has(self, address: usize, used: usize) -> bool {
        address.checked_sub(self.start().addr()).is_some_and(|offset| offset < used)
    }

    /// Sets what comes before it.
    pub fn set_prev(self, prev: Option<Self>) {
        self.change(|head| head.prev.set(prev));
    }

    /// Sets what comes after it.
    pub fn set_next(self, next: Option<Self>) {
        self.change(|head| head.next.set(next));
    }

    /// Says how many bytes of it pieces have.
    pub fn set_used(self, used: usize) {
        self.change(|head| head.used.set(used));
    }

    /// Says where its one piece begins.
    pub fn set_start(self, start: *mut u8) {
        self.change(|head| head.start.set(start));
    }

    /// Puts it where a list begins.
    pub fn push_to(self, list: &Cell<Option<Self>>) {
        self.set_next(list.get());
        list.set(Some(self));
    }
}

/// Where a chunk begins, or null.
pub fn start_of(chunk: Option<Chunk>) -> *mut u8 {
    chunk.map_or(null_mut(), Chunk::start)
}
