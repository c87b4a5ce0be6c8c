//! An arena's validator, and its figures.
//!
//! - every chunk's head is what was written, and its links are mutual;
//! - the chunks, the marks and the cleanups are as many as were counted, and so are their bytes;
//! - the next piece begins in the current chunk;
//! - marks and cleanups stand in what was handed out.

#![allow(unsafe_code)]

use super::Arena;
use super::chunk::Chunk;
use crate::base::align;
use crate::base::config::GRAIN;
use core::cell::Cell;
use core::ffi::CStr;

/// What an arena has done, and has.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Figures {
    /// Bytes of pieces, with what their alignment has cost, and the records of marks and cleanups.
    pub used: usize,
    /// The most that `used` has been.
    pub used_peak: usize,
    /// Bytes of chunks.
    pub held: usize,
    /// The most that `held` has been.
    pub held_peak: usize,
    /// Chunks for many pieces.
    pub chunks: usize,
    /// Chunks for one piece each, those included that wait for another one.
    pub large_chunks: usize,
    /// Cleanups that wait.
    pub cleanups: usize,
    /// Marks that may be rewound to.
    pub marks: usize,
    /// How often memory was asked for.
    pub requests: u64,
    /// Resets.
    pub resets: u64,
    /// Rewinds.
    pub rewinds: u64,
}

type Checked = Result<(), &'static CStr>;

fn ensure(holds: bool, what: &'static CStr) -> Checked {
    if holds { Ok(()) } else { Err(what) }
}

impl Arena {
    /// The figures.
    pub fn figures(&self) -> Figures {
        let counts = &self.counts;
        Figures {
            used: self.used(),
            used_peak: counts.used_peak.get().max(self.used()),
            held: counts.held.get(),
            held_peak: counts.held_peak.get(),
            chunks: counts.chunks.get(),
            large_chunks: counts.large.get() + counts.spare.get(),
            cleanups: counts.cleanups.get(),
            marks: counts.marks.get(),
            requests: counts.requests.get(),
            resets: counts.resets.get(),
            rewinds: counts.rewinds.get(),
        }
    }

    /// The first invariant that does not hold.
    pub fn check(&self) -> Checked {
        let mut held = self.check_chunks()?;
        held += check_list(&self.large, &self.counts.large)? + check_list(&self.spare, &self.counts.spare)?;
        let large_bytes: usize = self.large_chunks().map(Chunk::used).sum();
        ensure(
            large_bytes == self.counts.large_bytes.get(),
            c"the bytes of pieces with chunks of their own are not as counted",
        )?;
        ensure(held == self.held(), c"the bytes of the chunks are not as counted")?;
        ensure(held <= self.options.limit, c"there are more bytes of chunks than the limit")?;
        self.check_place()?;
        self.check_marks()?;
        self.check_cleanups()
    }

    /// The bytes of the chunks for many pieces.
    fn check_chunks(&self) -> Result<usize, &'static CStr> {
        let (mut held, mut before, mut is_before) = (0, 0, true);
        let (mut prev, mut next) = (None, self.first.get());
        for _ in 0..self.counts.chunks.get() {
            let Some(chunk) = next else { return Err(c"there are fewer chunks than were counted") };
            ensure(chunk.is_whole(), c"a chunk's head was overwritten")?;
            ensure(chunk.prev() == prev, c"a chunk does not lead back to the one before it")?;
            is_before &= Some(chunk) != self.chunk.get();
            before += if is_before { chunk.used() } else { 0 };
            held += chunk.size();
            (prev, next) = (Some(chunk), chunk.next());
        }
        ensure(next.is_none(), c"there are more chunks than were counted")?;
        ensure(is_before == self.chunk.get().is_none(), c"the current chunk is not in the list")?;
        ensure(before == self.counts.before.get(), c"the bytes in the chunks before are not as counted")?;
        Ok(held)
    }

    fn check_place(&self) -> Checked {
        let (at, end) = (self.at.get().addr(), self.end.get().addr());
        let Some(chunk) = self.chunk.get() else {
            return ensure(at == 0 && end == 0, c"there is a place, and no chunk");
        };
        ensure(chunk.spans(at), c"the next piece would not begin in the chunk")?;
        ensure(end == if self.told { at } else { chunk.end().addr() }, c"the end is not the chunk's")?;
        ensure(align::is(end, GRAIN), c"the end is not aligned")
    }

    fn check_marks(&self) -> Checked {
        let mut next = self.marks.get();
        for _ in 0..self.counts.marks.get() {
            let Some(place) = next else { return Err(c"there are fewer marks than were counted") };
            ensure(self.owns(place.addr().get()), c"a mark stands outside of what was handed out")?;
            // SAFETY: the address is the arena's own.
            let record = unsafe { place.as_ref() };
            ensure(record.is_whole(), c"a mark was overwritten")?;
            next = record.prev;
        }
        ensure(next.is_none(), c"there are more marks than were counted")
    }

    fn check_cleanups(&self) -> Checked {
        let mut next = self.cleanups.get();
        for _ in 0..self.counts.cleanups.get() {
            let Some(place) = next else { return Err(c"there are fewer cleanups than were counted") };
            ensure(self.owns(place.addr().get()), c"a cleanup stands outside of what was handed out")?;
            // SAFETY: the address is the arena's own.
            let cleanup = unsafe { place.as_ref() };
            ensure(cleanup.is_whole(), c"a cleanup was overwritten")?;
            next = cleanup.prev;
        }
        ensure(next.is_none(), c"there are more cleanups than were counted")
    }
}

/// The bytes of the chunks for one piece each that are in a list.
fn check_list(list: &Cell<Option<Chunk>>, count: &Cell<usize>) -> Result<usize, &'static CStr> {
    let (mut held, mut next) = (0, list.get());
    for _ in 0..count.get() {
        let Some(chunk) = next else { return Err(c"there are fewer chunks of one piece than were counted") };
        ensure(chunk.is_whole(), c"the head of a chunk of one piece was overwritten")?;
        held += chunk.size();
        next = chunk.next();
    }
    ensure(next.is_none(), c"there are more chunks of one piece than were counted")?;
    Ok(held)
}
