//! The remote buffer: objects of other arenas' slabs that the thread has freed, until they go home together.

#![allow(unsafe_code)]

use super::cache::{Cache, Head, add};
use crate::base::shared::AtomicUsize;
use crate::slab::key;
use crate::slab::slab::{BINS_END, Entry};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{Ordering, compiler_fence};

impl Cache {
    /// The remote buffer's used part.
    pub fn remote(&self) -> &[AtomicUsize] {
        &self.remote[..self.remote_count.load(Relaxed)]
    }

    /// Sets how many of the remote buffer are used.
    pub fn set_remote_count(&self, count: usize) {
        compiler_fence(Ordering::SeqCst);
        self.remote_count.store(count, Relaxed);
    }

    /// Puts a freed object of another arena into the buffer. False if it is full. The gate is closed.
    ///
    /// # Safety
    /// An object starts there, and nobody has it.
    #[inline(always)]
    pub unsafe fn push_remote(&self, address: usize) -> bool {
        let count = self.remote_count.load(Relaxed);
        let Some(slot) = self.remote.get(count) else { return false };
        // SAFETY: the caller's promise.
        unsafe { key::set(address) };
        slot.store(address, Relaxed);
        self.set_remote_count(count + 1);
        add(&self.remote_frees, 1);
        true
    }
}

/// Puts an object that the near leaf shows into the calling thread's remote buffer. False, and nothing was done, if it is of the thread's home arena or of a
/// mixed slab, is free already, has never left its arena, or does not start where objects do; if the buffer is full, the gate closed, or the cache halted.
#[inline(always)]
pub fn push(address: usize) -> bool {
    let head = Head::current();
    let Some(unit) = head.near_unit(address) else { return false };
    let (bin, Some(cache)) = (Entry::place(unit.word()) % BINS_END, head.open_cache()) else { return false };
    if bin == 0 || head.distance(unit.word()) < BINS_END {
        return false;
    }
    // SAFETY: an object starts there.
    if !cache.bin_at(bin).has_object(unit, address) || unsafe { key::is_set(address) } {
        return false;
    }
    cache.close();
    // SAFETY: an object without the key is freed just now.
    let released = cache.halted.load(Ordering::Acquire) == 0 && unsafe { cache.push_remote(address) };
    cache.open();
    released
}
