//! The stacks of recorded calls, each written to the file once.

use super::file::{self, Chunk};
use crate::process::{options, recording};
use crate::sys::linux::Linux;
use crate::trace::depot::Depot;
use crate::trace::unwind::{self, Walks};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicPtr, AtomicU64};

static DEPOT: Depot = Depot::new();
/// The chunk that new stacks go to, and how many words of it are used.
static CHUNK: AtomicPtr<Chunk> = AtomicPtr::new(core::ptr::null_mut());
static USED: AtomicU64 = AtomicU64::new(0);

/// Whether records have a stack.
#[inline]
pub fn are_recorded() -> bool {
    recording::depth() != 0
}

/// The number of the calling thread's stack; 0 where none are recorded. `walks` are the thread's last walks, if it has memory
/// for these. A new stack is in the file when this returns, unless that cannot grow.
#[inline(never)]
pub fn here(walks: Option<&Walks>) -> u32 {
    let mut frames = [0; options::DEPTH_MAX];
    let frames = &mut frames[..recording::depth()];
    match walks {
        Some(walks) => unwind::capture_again(walks, frames, number),
        None => {
            let count = unwind::capture(frames);
            number(&frames[..count])
        }
    }
}

fn number(frames: &[usize]) -> u32 {
    let (number, is_new) = DEPOT.intern_new(&Linux, frames);
    if is_new {
        file::locked(|| write(number, frames));
    }
    number
}

fn write(number: u32, frames: &[usize]) {
    let words = frames.len() + 1;
    let mut used = usize::try_from(USED.load(Relaxed)).unwrap_or(0);
    // SAFETY: null, or a chunk, which stays mapped until a fork's child forgets it.
    #[expect(unsafe_code, reason = "a chunk of the file")]
    let mut chunk = unsafe { CHUNK.load(Relaxed).as_ref() };
    if chunk.is_none() || used + words > file::WORDS {
        if let Some(full) = chunk {
            file::close(full);
        }
        chunk = file::take(file::STACKS, 0, 0, true);
        CHUNK.store(chunk.map_or(core::ptr::null_mut(), |chunk| core::ptr::from_ref(chunk).cast_mut()), Relaxed);
        used = 0;
    }
    let Some(chunk) = chunk else { return };
    chunk.write(used, u64::from(number) | (frames.len() as u64) << 32);
    frames.iter().enumerate().for_each(|(at, &frame)| chunk.write(used + 1 + at, frame as u64));
    USED.store((used + words) as u64, Relaxed);
    chunk.set_words(used + words);
}

/// In a forked child: its own file has none of the stacks so far. They are written again as they come.
pub fn begin_in_child() {
    CHUNK.store(core::ptr::null_mut(), Relaxed);
    DEPOT.forget();
}
