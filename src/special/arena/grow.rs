//! Chunks: where the next one comes from, and what is given back.

#![allow(unsafe_code)]

use super::chunk::{Chunk, HEAD};
use super::{Arena, add, subtract};
use crate::base::align;
use crate::base::config::GRAIN;
use crate::sys::errno;
use crate::sys::mempool::{pool_allocated, pool_destroyed};
use core::cell::Cell;
use core::ptr::{NonNull, null_mut};

/// So many kept chunks are looked at for one that fits.
const LOOKS: usize = 8;
/// And so many of those for one piece.
const LARGE_LOOKS: usize = 64;

impl Arena {
    /// A piece that the current chunk has no room for.
    pub(super) fn grow(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        let before = errno::errno();
        // What is given back on the way may have made room in the chunk before.
        let piece = self.take_elsewhere(align, bytes).or_else(|| self.take(align, bytes));
        errno::set_errno(if piece.is_some() { before } else { libc::ENOMEM });
        piece
    }

    /// A piece from the chunk that was kept behind the current one, which after a reset has all that did not fit here
    /// the last time.
    pub(super) fn take_from_next(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        let current = self.chunk.get()?;
        let here = current.read();
        let there = here.next?.read();
        let start = there.start.addr().checked_add(align - 1)? & !(align - 1);
        let whole = self.footprint(bytes);
        if whole > there.end.addr().checked_sub(start)? {
            return None;
        }
        let used = self.at.get().addr() - here.start.addr();
        current.set_used_of_read(used);
        add(&self.counts.before, used);
        let piece = there.start.map_addr(|_| start);
        self.chunk.set(here.next);
        self.at.set(piece.wrapping_add(whole));
        self.end.set(if self.told { self.at.get() } else { there.end });
        pool_allocated!(here.next.map_or(0, Chunk::address), start, bytes);
        NonNull::new(piece)
    }

    fn take_elsewhere(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        self.memory?;
        let needed = align::up_checked(bytes.checked_add(align.saturating_sub(GRAIN))?, GRAIN)?;
        let size = needed.checked_add(HEAD + 2 * self.gap)?;
        let step = self.options.step(self.chunk.get().map_or(0, Chunk::size));
        if size > step {
            return self.alloc_large(align, bytes, size);
        }
        let next = match self.kept(size) {
            Some(chunk) => chunk,
            None => self.make(size, step)?,
        };
        self.enter(next);
        self.take(align, bytes)
    }

    /// A kept chunk of at least `size` bytes, which comes next from now on.
    fn kept(&self, size: usize) -> Option<Chunk> {
        let current = self.chunk.get()?;
        let found = core::iter::successors(current.next(), |chunk| chunk.next())
            .take(LOOKS.min(self.counts.chunks.get()))
            .find(|chunk| chunk.size() >= size)?;
        if current.next() != Some(found) {
            self.unlink(found);
            self.link(found);
        }
        Some(found)
    }

    /// A new chunk, of `step` bytes if that many can be had, but of at least `size`.
    fn make(&self, size: usize, step: usize) -> Option<Chunk> {
        if self.room() < size {
            self.release_spare();
        }
        let bytes = step.min(self.room());
        if bytes < size {
            return None;
        }
        let chunk = self.obtain(bytes).or_else(|| {
            self.release_spare();
            self.obtain(size)
        })?;
        self.link(chunk);
        Some(chunk)
    }

    /// What the limit leaves.
    fn room(&self) -> usize {
        align::down(self.options.limit.saturating_sub(self.counts.held.get()), GRAIN)
    }

    fn obtain(&self, size: usize) -> Option<Chunk> {
        if size > self.room() {
            return None;
        }
        let memory = self.memory?.allocate(size, GRAIN)?;
        self.counts.requests.set(self.counts.requests.get() + 1);
        // SAFETY: it was just allocated, of that size.
        let chunk = unsafe { Chunk::make(memory, size) };
        self.adopt(chunk);
        Some(chunk)
    }

    /// Puts a chunk behind the current one.
    pub(super) fn link(&self, chunk: Chunk) {
        let prev = self.chunk.get();
        let next = match prev {
            Some(prev) => prev.next(),
            None => self.first.get(),
        };
        chunk.set_prev(prev);
        chunk.set_next(next);
        self.join(prev, Some(chunk));
        self.join(Some(chunk), next);
        add(&self.counts.chunks, 1);
    }

    fn unlink(&self, chunk: Chunk) {
        self.join(chunk.prev(), chunk.next());
        subtract(&self.counts.chunks, 1);
    }

    /// Makes neighbours of two chunks.
    fn join(&self, prev: Option<Chunk>, next: Option<Chunk>) {
        match prev {
            Some(prev) => prev.set_next(next),
            None => self.first.set(next),
        }
        if let Some(next) = next {
            next.set_prev(prev);
        }
    }

    /// Goes on to a chunk that has been linked behind the current one.
    pub(super) fn enter(&self, next: Chunk) {
        if let Some(chunk) = self.chunk.get() {
            chunk.set_used(self.used_here());
            add(&self.counts.before, self.used_here());
        }
        self.move_to(next, next.start());
    }

    /// Goes back to the chunk before; false if there is none.
    pub(super) fn leave(&self) -> bool {
        let Some(prev) = self.chunk.get().and_then(Chunk::prev) else { return false };
        subtract(&self.counts.before, prev.used());
        self.move_to(prev, prev.start().wrapping_add(prev.used()));
        true
    }

    fn alloc_large(&self, align: usize, bytes: usize, size: usize) -> Option<NonNull<u8>> {
        let chunk = self.take_spare(size).or_else(|| self.obtain(size)).or_else(|| {
            self.release_spare();
            self.obtain(size)
        })?;
        let start = chunk.memory().as_ptr().wrapping_add(HEAD + self.gap).map_addr(|address| align::up(address, align));
        chunk.set_start(start);
        chunk.set_used(bytes);
        chunk.push_to(&self.large);
        add(&self.counts.large, 1);
        add(&self.counts.large_bytes, bytes);
        pool_allocated!(chunk.address(), start.addr(), bytes);
        NonNull::new(start)
    }

    /// The smallest spare chunk of at least `size` bytes, of some.
    fn take_spare(&self, size: usize) -> Option<Chunk> {
        let (mut before, mut best): (Option<Chunk>, Option<(Option<Chunk>, Chunk)>) = (None, None);
        let mut next = self.spare.get();
        for _ in 0..LARGE_LOOKS.min(self.counts.spare.get()) {
            let Some(chunk) = next else { break };
            if chunk.size() >= size && best.is_none_or(|(_, best)| chunk.size() < best.size()) {
                best = Some((before, chunk));
            }
            if chunk.size() == size {
                break;
            }
            (before, next) = (next, chunk.next());
        }
        let (before, chunk) = best?;
        match before {
            Some(before) => before.set_next(chunk.next()),
            None => self.spare.set(chunk.next()),
        }
        subtract(&self.counts.spare, 1);
        Some(chunk)
    }

    /// Takes the last chunk of one piece from its list.
    pub(super) fn pop_large(&self) -> Option<Chunk> {
        let chunk = pop(&self.large, &self.counts.large)?;
        subtract(&self.counts.large_bytes, chunk.used());
        Some(chunk)
    }

    /// Gives a chunk back that is in no list any more.
    pub(super) fn discard(&self, chunk: Chunk) {
        subtract(&self.counts.held, chunk.size());
        pool_destroyed!(chunk.address());
        if let Some(memory) = self.memory {
            // SAFETY: it is from there, and in no list.
            unsafe { memory.release(chunk.memory()) };
        }
    }

    /// Gives all chunks back that have no pieces; how many bytes those were.
    pub fn release_spare(&self) -> usize {
        let held = self.held();
        if self.memory.is_none() {
            return 0;
        }
        self.release_spare_large(0);
        while self.used_here() == 0 && self.leave() {}
        let empty = if self.used_here() == 0 {
            self.chunk.set(None);
            self.at.set(null_mut());
            self.end.set(null_mut());
            self.first.take()
        } else {
            let next = self.chunk.get().and_then(Chunk::next);
            self.join(self.chunk.get(), None);
            next
        };
        let mut next = empty;
        while let Some(chunk) = next {
            next = chunk.next();
            subtract(&self.counts.chunks, 1);
            self.discard(chunk);
        }
        held - self.held()
    }

    fn release_spare_large(&self, keep: usize) {
        while self.held() > keep
            && let Some(chunk) = pop(&self.spare, &self.counts.spare)
        {
            self.discard(chunk);
        }
    }

    /// Gives chunks back until no more than what `keep` says is left, or the last one, which is the largest. Nothing
    /// has a piece.
    pub(super) fn release_beyond_keep(&self) {
        let keep = self.options.keep;
        self.release_spare_large(keep);
        while self.held() > keep
            && let Some(first) = self.first.get()
            && let Some(second) = first.next()
        {
            self.unlink(first);
            self.move_to(second, second.start());
            self.discard(first);
        }
    }
}

fn pop(list: &Cell<Option<Chunk>>, count: &Cell<usize>) -> Option<Chunk> {
    let chunk = list.get()?;
    list.set(chunk.next());
    subtract(count, 1);
    Some(chunk)
}
