//! The stacks of recorded calls, each written to the file once.

#![allow(unsafe_code)]

use super::file::{self, Chunk};
use crate::base::pointer;
use crate::process::recording;
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use crate::trace::depot::Depot;
use crate::trace::unwind::{self, Walks};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::sync::atomic::{AtomicPtr, AtomicUsize};

/// The address of the depot of a process that is recorded: others need no memory for it. 0 before the first stack.
static DEPOT: AtomicUsize = AtomicUsize::new(0);

fn depot() -> Option<&'static Depot> {
    let mut address = DEPOT.load(Acquire);
    if address == 0 {
        let bytes = size_of::<Depot>().next_multiple_of(Linux.page_size());
        let new = Linux.map_guarded(bytes, Linux.page_size())?;
        address = match DEPOT.compare_exchange(0, new, AcqRel, Acquire) {
            Ok(_) => new,
            Err(now) => {
                // SAFETY: mapped above, and no other thread has seen it.
                unsafe { Linux.unmap_guarded(new, bytes) };
                now
            }
        };
    }
    // SAFETY: mapped for this alone, and stays; zeroes are an empty depot.
    Some(unsafe { pointer::to_ref(address) })
}

/// Where a thread writes stacks that are new.
pub struct Writer {
    chunk: AtomicPtr<Chunk>,
    /// Words of the chunk that are used.
    used: AtomicUsize,
}

/// Whether records have a stack.
#[inline]
pub fn are_recorded() -> bool {
    recording::depth() != 0
}

impl Writer {
    /// The number of the calling thread's stack; 0 for none. `walks` are the thread's last walks. A stack that nobody has
    /// recorded is in the file when this returns, unless that cannot grow.
    #[inline]
    pub fn here(&self, walks: &Walks) -> u32 {
        unwind::capture_again(walks, recording::depth(), |frames| self.number(frames))
    }

    fn number(&self, frames: &[usize]) -> u32 {
        let (number, is_new) = depot().map_or((0, false), |depot| depot.intern_new(&Linux, frames));
        if is_new {
            self.write(number, frames);
        }
        number
    }

    fn write(&self, number: u32, frames: &[usize]) {
        let (words, mut used) = (frames.len() + 1, self.used.load(Relaxed));
        // SAFETY: null, or a chunk of this writer, which stays mapped.
        let mut chunk = unsafe { self.chunk.load(Relaxed).as_ref() };
        if chunk.is_none() || used + words > file::WORDS {
            if let Some(full) = chunk {
                file::close(full);
            }
            chunk = file::take(file::STACKS, 0, 0);
            self.chunk.store(chunk.map_or(null_mut(), |chunk| core::ptr::from_ref(chunk).cast_mut()), Relaxed);
            used = 0;
        }
        let Some(chunk) = chunk else { return };
        chunk.write(used, u64::from(number) | (frames.len() as u64) << 32);
        frames.iter().enumerate().for_each(|(at, &frame)| chunk.write(used + 1 + at, frame as u64));
        self.used.store(used + words, Relaxed);
        chunk.set_words(used + words);
    }

    /// In a forked child: the chunk was the parent's.
    pub fn begin_in_child(&self) {
        self.chunk.store(null_mut(), Relaxed);
    }
}

/// In a forked child: its own file has none of the stacks so far. They are written again as they come.
pub fn begin_in_child() {
    DEPOT.store(0, Relaxed);
}
