//! Taking pieces back: marks, cleanups, and the reset.

#![allow(unsafe_code)]

use super::chunk::Chunk;
use super::records::{Cleanup, Function, MarkRecord};
use super::{Arena, add, seal, subtract};
use crate::base::config::GRAIN;
use crate::sys::errno;
use crate::sys::mempool::{pool_destroyed, pool_trimmed};
use crate::sys::valgrind;
use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};

/// What an arena had at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    /// `None`: nothing.
    chunk: Option<Chunk>,
    at: *mut u8,
    large: usize,
    cleanups: usize,
}

/// A position that a program keeps: where the record of it stands, and which mark it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Null for the very start.
    pub at: *mut u8,
    /// The arena's number and the mark's. A mark that there was no memory for has `BARE` in the place of the latter,
    /// and the number of cleanups.
    pub serial: u64,
}

const SERIAL_BITS: u32 = 40;
const SERIAL_MASK: u64 = (1 << SERIAL_BITS) - 1;
const BARE: u64 = 1 << (SERIAL_BITS - 1);

impl Mark {
    /// Whether there was no memory for its record.
    pub fn is_bare(self) -> bool {
        self.serial & BARE != 0
    }
}

/// What is wrong with a mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// It is another arena's.
    Foreign,
    /// The arena was rewound to before it since, or reset.
    Past,
}

/// What freed bytes are where blocks are checked: as in the heap.
const FREED: u8 = 0x5a;
const RECORD: usize = size_of::<MarkRecord>();

impl Arena {
    /// What there is now. An empty chunk is not named: it may go.
    pub fn position(&self) -> Position {
        let (large, cleanups) = (self.counts.large.get(), self.counts.cleanups.get());
        let (mut chunk, mut at) = (self.chunk.get(), self.at.get());
        while let Some(empty) = chunk.filter(|chunk| chunk.start() == at) {
            chunk = empty.prev();
            at = chunk.map_or(null_mut(), |prev| prev.start().wrapping_add(prev.used()));
        }
        Position { chunk, at, large, cleanups }
    }

    /// Takes all back that came after `position`.
    ///
    /// # Safety
    /// It is this arena's, which was not brought back to an earlier one since; nothing that came after is used any
    /// more.
    pub unsafe fn restore(&self, position: Position) {
        self.run_cleanups(position.cleanups);
        self.note_peak();
        self.counts.rewinds.set(self.counts.rewinds.get() + 1);
        while self.counts.large.get() > position.large
            && let Some(chunk) = self.pop_large()
        {
            self.discard(chunk);
        }
        self.cut(position.chunk, position.at);
    }

    /// Goes back to a place in a chunk, or to the start of all.
    fn cut(&self, chunk: Option<Chunk>, at: *mut u8) {
        let Some(target) = chunk.or(self.first.get()) else { return };
        let at = if chunk.is_some() { at } else { target.start() };
        if chunk.is_none() && !self.told && !self.fills() {
            self.marks.set(None);
            self.counts.marks.set(0);
            self.counts.before.set(0);
            return self.move_to(target, at);
        }
        while let Some(current) = self.chunk.get() {
            let from = if current == target { at } else { current.start() };
            self.forget_marks(current, from.addr());
            self.wipe(current, from.addr(), self.at.get().addr());
            if current == target {
                break;
            }
            if !self.leave() {
                seal::broken(current.address());
            }
        }
        self.move_to(target, at);
    }

    /// What marks, and roots, stand in a chunk from an address on are gone.
    fn forget_marks(&self, chunk: Chunk, from: usize) {
        while let Some(mark) = self.marks.get()
            && mark.addr().get() >= from
            && chunk.spans(mark.addr().get())
        {
            // SAFETY: it is in the list, so it is where it was put.
            self.marks.set(unsafe { MarkRecord::at(mark) }.prev);
            subtract(&self.counts.marks, 1);
        }
        while let Some(root) = self.roots.get()
            && root.addr().get() >= from
            && chunk.spans(root.addr().get())
        {
            // SAFETY: memcheck lets nobody else write there.
            self.roots.set(unsafe { root.as_ref() }.prev);
        }
    }

    /// These bytes of a chunk, up to the last piece's, are nobody's any more.
    pub(super) fn wipe(&self, chunk: Chunk, from: usize, to: usize) {
        if self.told {
            let start = chunk.start().addr();
            pool_trimmed!(chunk.address(), start, from - start);
        } else if self.fills() && from < to {
            let offset = from - chunk.address();
            // SAFETY: within the chunk, and nobody's.
            unsafe { chunk.memory().add(offset).write_bytes(FREED, to - from) };
        }
    }

    /// Takes everything back, and keeps the memory.
    ///
    /// # Safety
    /// Nothing of it is used any more.
    pub unsafe fn reset(&self) {
        self.run_cleanups(0);
        self.note_peak();
        self.counts.resets.set(self.counts.resets.get() + 1);
        while let Some(chunk) = self.pop_large() {
            let start = chunk.start().addr();
            self.wipe(chunk, start, start + chunk.used());
            chunk.push_to(&self.spare);
            add(&self.counts.spare, 1);
        }
        self.cut(None, null_mut());
        self.release_beyond_keep();
    }

    /// Takes everything back, and gives the memory back.
    ///
    /// # Safety
    /// Nothing of it is used any more, and nothing will be allocated.
    pub unsafe fn close(&self) {
        self.run_cleanups(0);
        while let Some(chunk) = self.pop_large() {
            self.discard(chunk);
        }
        self.cut(None, null_mut());
        if let (true, None, Some(chunk)) = (self.told, self.memory, self.first.get()) {
            pool_destroyed!(chunk.address());
            valgrind::forget(chunk.address(), chunk.size());
        }
        self.release_spare();
        self.at.set(null_mut());
        self.end.set(null_mut());
        self.chunk.set(None);
        self.first.set(None);
    }

    /// Has `function` called with `argument` when what was allocated so far stays and what comes now goes. False
    /// without memory.
    pub fn on_reset(&self, function: Function, argument: *mut c_void) -> bool {
        let Some(place) = self.alloc_unrooted(GRAIN, size_of::<Cleanup>()) else { return false };
        // SAFETY: the piece is as large, and aligned.
        unsafe { Cleanup::write(place.cast(), self.cleanups.get(), function, argument) };
        self.cleanups.set(Some(place.cast()));
        add(&self.counts.cleanups, 1);
        true
    }

    /// Calls cleanups, the last one first, until `left` are left. They may allocate: it goes with the rest.
    fn run_cleanups(&self, left: usize) {
        if self.counts.cleanups.get() <= left {
            return;
        }
        self.busy.set(true);
        while self.counts.cleanups.get() > left
            && let Some(cleanup) = self.cleanups.get()
        {
            // SAFETY: it is in the list, so it is where it was put.
            let (prev, function, argument) = unsafe { Cleanup::at(cleanup) };
            self.cleanups.set(prev);
            subtract(&self.counts.cleanups, 1);
            function(argument);
        }
        self.busy.set(false);
    }

    /// Whether cleanups are being run.
    pub fn is_busy(&self) -> bool {
        self.busy.get()
    }

    fn number(&self) -> u64 {
        self.id << SERIAL_BITS
    }

    /// Marks this position. The record of it is a piece, too; where there is no memory for one, what is rewound past is
    /// not noticed.
    pub fn mark(&self) -> Mark {
        let position = self.position();
        let (large, cleanups) = (position.large, position.cleanups);
        if position.chunk.is_none() && large == 0 && cleanups == 0 {
            return Mark { at: null_mut(), serial: self.number() };
        }
        if let Some(mark) = self.same_mark(large, cleanups) {
            return mark;
        }
        let before = errno::errno();
        let place = self.alloc_unrooted(GRAIN, RECORD);
        let (Some(place), Some(chunk)) = (place.map(NonNull::cast), self.chunk.get()) else {
            errno::set_errno(before);
            return Mark { at: position.at, serial: self.number() | BARE | cleanups as u64 };
        };
        // The bit of bare ones stays clear for longer than any program runs.
        let serial = self.number() | ((self.serial.get() + 1) & (BARE - 1));
        self.serial.set(self.serial.get() + 1);
        // SAFETY: the piece is as large, and aligned.
        unsafe { MarkRecord::write(place, self.marks.get(), chunk, (serial, large, cleanups)) };
        self.marks.set(Some(place));
        add(&self.counts.marks, 1);
        Mark { at: place.cast().as_ptr(), serial }
    }

    /// The last mark, if nothing came after it.
    fn same_mark(&self, large: usize, cleanups: usize) -> Option<Mark> {
        let place = self.marks.get()?;
        // SAFETY: it is in the list, so it is where it was put.
        let record = unsafe { MarkRecord::at(place) };
        let is_last = self.behind(place) == self.at.get() && self.chunk.get() == Some(record.chunk);
        let mark = Mark { at: place.cast().as_ptr(), serial: record.serial };
        (is_last && record.large == large && record.cleanups == cleanups).then_some(mark)
    }

    /// Where the next piece may begin behind a mark's record.
    fn behind(&self, place: NonNull<MarkRecord>) -> *mut u8 {
        place.cast::<u8>().as_ptr().wrapping_add(self.footprint(RECORD))
    }

    /// Takes all back that came after a mark, which stays: it may be rewound to again.
    ///
    /// # Safety
    /// Nothing that came after is used any more.
    pub unsafe fn rewind(&self, mark: Mark) -> Result<(), Wrong> {
        if (mark.serial ^ self.number()) >> SERIAL_BITS != 0 {
            return Err(Wrong::Foreign);
        }
        let position = if mark.is_bare() {
            self.position_of_bare(mark)
        } else if mark.at.is_null() {
            Some(Position { chunk: None, at: null_mut(), large: 0, cleanups: 0 })
        } else {
            Some(self.position_of(mark).ok_or(Wrong::Past)?)
        };
        if let Some(position) = position {
            // SAFETY: the mark's position is still there, and the caller's promise.
            unsafe { self.restore(position) };
        }
        Ok(())
    }

    fn position_of(&self, mark: Mark) -> Option<Position> {
        let mut next = self.marks.get();
        for _ in 0..self.counts.marks.get() {
            let place = next?;
            // SAFETY: it is in the list, so it is where it was put.
            let record = unsafe { MarkRecord::at(place) };
            if place.addr().get() == mark.at.addr() && record.serial == mark.serial {
                let at = self.behind(place);
                let (chunk, large, cleanups) = (Some(record.chunk), record.large, record.cleanups);
                return Some(Position { chunk, at, large, cleanups });
            }
            next = record.prev;
        }
        None
    }

    /// Large chunks stay: how many there were it does not say.
    fn position_of_bare(&self, mark: Mark) -> Option<Position> {
        let address = mark.at.addr();
        let cleanups = usize::try_from(mark.serial & (SERIAL_MASK ^ BARE)).unwrap_or(usize::MAX);
        if mark.at.is_null() {
            return Some(Position { chunk: None, at: null_mut(), large: usize::MAX, cleanups });
        }
        let chunk = self.live_chunks().find(|chunk| chunk.spans(address))?;
        let used = if self.chunk.get() == Some(chunk) { self.used_here() } else { chunk.used() };
        let offset = address.checked_sub(chunk.start().addr()).filter(|&offset| offset <= used)?;
        let at = chunk.start().wrapping_add(offset);
        Some(Position { chunk: Some(chunk), at, large: usize::MAX, cleanups })
    }
}
