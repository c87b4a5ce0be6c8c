//! How a free list begins, is found again, grows, and is made whole after a process ended inside an operation.

#![allow(unsafe_code)]

use super::call::Call;
use super::control::{
    BLOCKS_AT, BYTES_MAX, BYTES_MIN, Block, FREE_BLOCKS_AT, LIVE_AT, MAGIC, MAGIC_AT, PEAK_AT, READY, SECRET_AT,
    STATE_AT, Shape, WATCHER_AT,
};
use super::index::Index;
use super::list::{List, give};
use super::walk::{Broken, each};
use super::watch;
use super::words::{Header, Words};
use crate::base::config::GRAIN;
use crate::base::shared::light_fence;
use crate::base::tree::NONE;
use crate::base::{align, checksum, pointer};
use crate::heap::free_list::Fit;
use crate::process::start;
use crate::special::quiet::Quiet;
use crate::sys::calls;
use core::ptr::NonNull;

/// A header in use of no size.
fn fence() -> Header {
    Header::free(0).with_in_use(true)
}

impl List {
    /// Makes a list in a buffer, which has to be aligned to 16 bytes and to have `BYTES_MIN`; what was there before
    /// is lost. A list that is `shared`, with other processes or by copying it, is not told to valgrind.
    ///
    /// # Safety
    /// The buffer is there, for as long as the list is used, and nobody else uses it.
    pub unsafe fn init(buffer: NonNull<u8>, bytes: usize, fit: Fit, shared: bool) -> Option<Self> {
        let base = pointer::expose(buffer.as_ptr());
        if !align::is(base, GRAIN) || bytes < BYTES_MIN {
            return None;
        }
        start::ensure();
        let shape = Shape::new(align::down(bytes.min(BYTES_MAX), GRAIN), fit);
        let secret =
            calls::random().unwrap_or_else(|| (checksum::secret() ^ base as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let words = Words { base, secret };
        // Until all else is there, there is no list.
        words.store(MAGIC_AT, 0);
        light_fence();
        words.store(SECRET_AT, secret);
        words.set_shape(shape);
        [LIVE_AT, BLOCKS_AT, PEAK_AT, WATCHER_AT].into_iter().for_each(|at| words.store(at, 0));
        let index = Index { words };
        index.clear();
        let (first, end) = (shape.first(), shape.end());
        words.set_header(end, fence().with_prev_in_use(false));
        words.set_header(first, Header::free(end - first));
        words.set_tag(first, end - first);
        index.insert(first, end - first);
        words.store(FREE_BLOCKS_AT, 1);
        words.store(STATE_AT, READY);
        light_fence();
        words.store(MAGIC_AT, MAGIC);
        watch::made(words, shape, shared);
        Some(Self { base })
    }

    /// The list in a buffer, which another process, or this one elsewhere, has made there; `None` if there is none.
    ///
    /// # Safety
    /// The buffer is there, for as long as the list is used.
    pub unsafe fn attach(buffer: NonNull<u8>, bytes: usize) -> Option<Self> {
        let base = pointer::expose(buffer.as_ptr());
        if !align::is(base, GRAIN) || bytes < BYTES_MIN {
            return None;
        }
        start::ensure();
        let _quiet = Quiet::new();
        let words = Words::of(base);
        let shape = words.shape().filter(|_| words.load(MAGIC_AT) == MAGIC)?;
        let state = words.load(STATE_AT);
        if shape.end() > bytes || shape.end() < BYTES_MIN || (state != READY && Call::of_state(state).is_none()) {
            return None;
        }
        // Inside `grow` the fence is on its way.
        let index = Index { words };
        (is_fence(index, shape.end()) || grown_end(index).is_some()).then_some(Self { base })
    }

    /// The operation that a process has not finished: the list has to be recovered.
    pub fn unfinished(self) -> Option<Call> {
        let _quiet = Quiet::new();
        Call::of_state(Words::of(self.base).load(STATE_AT))
    }

    /// The list's bytes.
    #[cfg(test)]
    pub fn bytes(self) -> usize {
        Words::of(self.base).shape().map_or(0, Shape::end)
    }

    /// Says that the buffer has `bytes` now. What is less than a block may stay unused. False if that is fewer than
    /// before.
    pub fn grow(self, bytes: usize) -> bool {
        let _quiet = Quiet::new();
        let Some(index) = self.open(Call::Grow) else { return false };
        let (words, old) = (index.words, index.shape().end());
        let new = align::down(bytes.min(BYTES_MAX), GRAIN);
        if new < old || !is_fence(index, old) {
            return false;
        }
        let Ok(last) = words.header(old) else { return false };
        if new - old < index.shape().min() {
            return true;
        }
        words.store(STATE_AT, Call::Grow as u64);
        light_fence();
        words.set_header(new, fence());
        light_fence();
        let tail = last.with_size(new - old);
        words.set_header(old, tail.with_in_use(false));
        light_fence();
        words.set_shape(index.shape().with_end(new));
        watch::grown(words, old, new);
        // As a block in use, which is freed: so it is merged with what is free before it.
        words.add(LIVE_AT, new - old);
        words.add(BLOCKS_AT, 1);
        give(index, Call::Grow, old, tail);
        true
    }

    /// Makes a list whole whose headers are: joins what is free and adjacent, and makes tags, index and figures anew.
    /// A block that a process was getting or giving back when it ended may be in use or free then. False, and no
    /// block is changed, if a header or the control block is damaged.
    pub fn recover(self) -> bool {
        let _quiet = Quiet::new();
        let words = Words::of(self.base);
        let state = words.load(STATE_AT);
        let index = Index { words };
        let is_list = words.load(MAGIC_AT) == MAGIC && words.shape().is_some();
        if !is_list || (state != READY && Call::of_state(state).is_none()) {
            return false;
        }
        if let Some(end) = grown_end(index) {
            words.set_shape(index.shape().with_end(end));
        }
        if whole(index).is_err() {
            return false;
        }
        words.store(STATE_AT, Call::Recover as u64);
        light_fence();
        rebuild(index);
        light_fence();
        words.store(STATE_AT, READY);
        true
    }
}

/// Whether the row of blocks may end there.
fn is_fence(index: Index, at: Block) -> bool {
    index.words.header(at).is_ok_and(|header| header.in_use() && header.size() == 0)
}

/// Where a list ends that was growing, if its end has not been told yet.
fn grown_end(index: Index) -> Option<Block> {
    let (words, old) = (index.words, index.shape().end());
    let state = words.load(STATE_AT);
    if state != Call::Grow as u64 && state != Call::Recover as u64 {
        return None;
    }
    let size = words.header(old).ok()?.size();
    let end = old.checked_add(size).filter(|&end| size != 0 && end <= BYTES_MAX)?;
    is_fence(index, end).then_some(end)
}

/// Whether all headers are whole.
fn whole(index: Index) -> Result<(), Broken> {
    each(index, |_, _| true)?;
    let end = index.shape().end();
    if is_fence(index, end) { Ok(()) } else { Err(Broken { what: c"the fence is damaged", at: end, before: None }) }
}

/// Makes all but sizes and who is in use anew.
fn rebuild(index: Index) {
    let (words, end) = (index.words, index.shape().end());
    index.clear();
    let (mut at, mut live, mut blocks, mut free_blocks, mut prev) = (index.shape().first(), 0, 0, 0, NONE);
    while at < end {
        let Ok(header) = words.header(at) else { return };
        let (mut size, in_use) = (header.size(), header.in_use());
        while !in_use
            && let Ok(next) = words.header(at + size)
            && !next.in_use()
        {
            size += next.size();
        }
        words.set_header(at, header.with_size(size).with_prev_in_use(prev == NONE));
        light_fence();
        if in_use {
            (live, blocks, prev) = (live + size, blocks + 1, NONE);
        } else {
            words.set_tag(at, size);
            index.insert(at, size);
            (free_blocks, prev) = (free_blocks + 1, at);
        }
        at += size;
    }
    words.set_header(end, fence().with_prev_in_use(prev == NONE));
    words.store(LIVE_AT, live as u64);
    words.store(BLOCKS_AT, blocks);
    words.store(FREE_BLOCKS_AT, free_blocks);
    words.store(PEAK_AT, words.load(PEAK_AT).max(live as u64));
}
