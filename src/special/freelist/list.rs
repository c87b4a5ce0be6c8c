//! A free list's operations: blocks are split and merged here and nowhere else.
//!
//! An operation first looks, at words that it checks, and then writes. The word at `STATE_AT` names it from before
//! the first write until after the last. Of the headers each write leaves the row of blocks whole, wherever a process
//! ends: the one store that changes the row, the *commit*, comes when what it makes part of the row is in place. All
//! else (flags of the block before, tags, index, figures) `recover` makes anew.

#![allow(unsafe_code)]

use super::call::Call;
use super::control::{BLOCKS_AT, BYTES_MAX, Block, FREE_BLOCKS_AT, LIVE_AT, PEAK_AT, READY, STATE_AT};
use super::index::Index;
use super::misuse;
use super::watch;
use super::words::{Header, Words};
use crate::base::align;
use crate::base::config::{GRAIN, HEADER};
use crate::base::pointer;
use crate::base::shared::light_fence;
use crate::base::tree::Nodes;
use crate::special::quiet::Quiet;
use crate::sys::errno::set_errno;
use crate::sys::valgrind;
use core::ptr::NonNull;

/// A free list in a buffer: where that is in this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct List {
    pub(super) base: usize,
}

/// An operation is under way until this goes.
struct Writing(Words);

impl Writing {
    #[inline]
    fn new(words: Words, call: Call) -> Self {
        words.store(STATE_AT, call as u64);
        light_fence();
        Self(words)
    }
}

impl Drop for Writing {
    #[inline]
    fn drop(&mut self) {
        light_fence();
        self.0.store(STATE_AT, READY);
    }
}

/// No memory.
#[cold]
fn out_of_memory<T>() -> Option<T> {
    set_errno(libc::ENOMEM);
    None
}

impl List {
    /// The list whose control block is at `buffer`.
    ///
    /// # Safety
    /// One is there, for as long as the list is used, and nobody else uses it during a call.
    #[inline]
    pub unsafe fn at(buffer: NonNull<u8>) -> Self {
        Self { base: pointer::expose(buffer.as_ptr()) }
    }

    /// The buffer.
    pub fn buffer(self) -> NonNull<u8> {
        self.to_pointer(0)
    }

    #[inline]
    fn to_pointer(self, at: usize) -> NonNull<u8> {
        // SAFETY: the buffer is not at address 0.
        unsafe { NonNull::new_unchecked(pointer::at_mut(self.base + at)) }
    }

    /// The list as an operation sees it; `None`, and `EINVAL`, if it cannot be used.
    #[inline(always)]
    pub(super) fn open(self, call: Call) -> Option<Index> {
        let words = Words::of(self.base);
        match words.shape() {
            Some(_) if words.load(STATE_AT) == READY => Some(Index { words }),
            _ => misuse::unusable(words, call),
        }
    }

    /// A block of at least `n` bytes.
    #[inline]
    pub fn malloc(self, n: usize) -> Option<NonNull<u8>> {
        self.malloc_for(Call::Malloc, n)
    }

    #[inline]
    fn malloc_for(self, call: Call, n: usize) -> Option<NonNull<u8>> {
        if valgrind::listens() { self.malloc_watched(call, n) } else { self.serve(call, n) }
    }

    #[cold]
    #[inline(never)]
    fn malloc_watched(self, call: Call, n: usize) -> Option<NonNull<u8>> {
        let _quiet = Quiet::new();
        let block = self.serve(call, n)?;
        watch::handed_out(Words::of(self.base), block, n);
        Some(block)
    }

    #[inline(always)]
    fn serve(self, call: Call, n: usize) -> Option<NonNull<u8>> {
        let index = self.open(call)?;
        let Some(need) = index.shape().size_for(n) else { return out_of_memory() };
        let Some(found) = index.find(need) else { return out_of_memory() };
        take(index, call, found, need);
        Some(self.to_pointer(found))
    }

    /// A block of `count` times `n` bytes, which are zero.
    pub fn calloc(self, count: usize, n: usize) -> Option<NonNull<u8>> {
        let Some(bytes) = count.checked_mul(n) else { return out_of_memory() };
        let block = self.malloc_for(Call::Calloc, bytes)?;
        // SAFETY: it has as many.
        unsafe { block.write_bytes(0, bytes) };
        Some(block)
    }

    /// A block of at least `n` bytes at a multiple of `align`, which has to be a power of two: else `EINVAL`.
    pub fn aligned_alloc(self, align: usize, n: usize) -> Option<NonNull<u8>> {
        if !align.is_power_of_two() {
            set_errno(libc::EINVAL);
            return None;
        }
        if align <= GRAIN {
            return self.malloc_for(Call::AlignedAlloc, n);
        }
        let _quiet = Quiet::new();
        let index = self.open(Call::AlignedAlloc)?;
        let min = index.shape().min();
        // Room for a free block before it.
        let room = index.shape().size_for(n).and_then(|need| need.checked_add(align)?.checked_add(min - GRAIN));
        let Some(found) = room.filter(|&room| room <= BYTES_MAX).and_then(|room| index.find(room)) else {
            return out_of_memory();
        };
        let front = match align::up(self.base + found, align) - self.base - found {
            0 => 0,
            front if front >= min => front,
            _ => align::up(self.base + found + min, align) - self.base - found,
        };
        carve(index, found, front, index.shape().size_for(n)?);
        let block = self.to_pointer(found + front);
        watch::handed_out(index.words, block, n);
        Some(block)
    }

    /// Takes a block back. What is no block in use is reported.
    ///
    /// # Safety
    /// Nothing uses the block any more.
    #[inline]
    pub unsafe fn free(self, block: NonNull<u8>) {
        if valgrind::listens() { self.free_watched(block) } else { self.take_back(block) }
    }

    #[cold]
    #[inline(never)]
    fn free_watched(self, block: NonNull<u8>) {
        let _quiet = Quiet::new();
        self.take_back(block);
        watch::taken_back(Words::of(self.base), block);
    }

    #[inline(always)]
    fn take_back(self, block: NonNull<u8>) {
        let Some(index) = self.open(Call::Free) else { return };
        let Some((at, header)) = of_program(index, Call::Free, block.addr().get()) else { return };
        give(index, Call::Free, at, header);
    }

    /// A block of `n` bytes with what the first of these hold: the same where it can grow or shrink in place, or
    /// another. `None` if there is no memory, or if it is no block in use, which is reported: then the block is as it
    /// was.
    ///
    /// # Safety
    /// Nothing uses the block any more, if there is another.
    pub unsafe fn realloc(self, block: NonNull<u8>, n: usize) -> Option<NonNull<u8>> {
        let quiet = Quiet::new();
        let index = self.open(Call::Realloc)?;
        let (at, header) = of_program(index, Call::Realloc, block.addr().get())?;
        let Some(need) = index.shape().size_for(n) else { return out_of_memory() };
        let usable = header.size() - HEADER;
        if resize(index, at, header, need) {
            watch::resized(index.words, block, usable, n);
            return Some(block);
        }
        drop(quiet);
        let new = self.malloc_for(Call::Realloc, n)?;
        let _quiet = Quiet::new();
        // SAFETY: both are blocks of at least so many bytes, and two.
        unsafe { new.copy_from_nonoverlapping(block, usable.min(n)) };
        // SAFETY: the caller's promise.
        unsafe { self.free(block) };
        Some(new)
    }

    /// How many bytes a block has; 0 for what is no block in use, which is reported.
    pub fn usable_size(self, block: NonNull<u8>) -> usize {
        let _quiet = Quiet::new();
        let Some(index) = self.open(Call::UsableSize) else { return 0 };
        of_program(index, Call::UsableSize, block.addr().get()).map_or(0, |(_, header)| header.size() - HEADER)
    }

    /// Whether a block in use starts there.
    pub fn owns(self, address: usize) -> bool {
        let _quiet = Quiet::new();
        let words = Words::of(self.base);
        let Some(shape) = words.shape() else { return false };
        let at = address.wrapping_sub(self.base);
        let is_place = at >= shape.first() && at < shape.end() && align::is(at, GRAIN);
        is_place && words.header(at).is_ok_and(Header::in_use)
    }

    /// The offset of an address in the buffer, the same in every process; `None` for any other.
    pub fn offset(self, address: usize) -> Option<usize> {
        let at = address.wrapping_sub(self.base);
        (at < Words::of(self.base).shape()?.end()).then_some(at)
    }

    /// What is at an offset; `None` where the buffer has none such.
    pub fn pointer(self, offset: usize) -> Option<NonNull<u8>> {
        (offset != 0 && offset < Words::of(self.base).shape()?.end()).then(|| self.to_pointer(offset))
    }
}

/// The block in use at an address that the program has given; what is none is reported.
#[inline]
fn of_program(index: Index, call: Call, address: usize) -> Option<(Block, Header)> {
    let at = address.wrapping_sub(index.words.base);
    // No word of the control block passes for a header.
    if at < index.shape().end()
        && at >= GRAIN
        && align::is(at, GRAIN)
        && let Ok(header) = index.words.header(at)
        && header.in_use()
    {
        return Some((at, header));
    }
    misuse::report(index, call, address);
    None
}

/// The header of the block behind one whose header is whole.
#[inline]
fn behind(index: Index, block: Block, size: usize) -> Header {
    let next = block + size;
    match index.words.header(next) {
        Ok(header) if next <= index.shape().end() => header,
        _ => misuse::overwritten(index, block, size),
    }
}

fn count_in(words: Words, size: usize, blocks: usize) {
    words.add(BLOCKS_AT, blocks);
    let live = words.add(LIVE_AT, size);
    if live > words.load(PEAK_AT) {
        words.store(PEAK_AT, live);
    }
}

/// Hands out the first `need` bytes of a free block.
#[inline(never)]
fn take(index: Index, call: Call, found: Block, need: usize) {
    let words = index.words;
    let header = words.free_header(found);
    let size = header.size();
    if size < need {
        words.astray(found);
    }
    let rest = size - need;
    let writing = Writing::new(words, call);
    if rest < index.shape().min() {
        let after = behind(index, found, size);
        words.set_header(found, header.with_in_use(true));
        index.remove_inlined(found, size);
        words.set_header(found + size, after.with_prev_in_use(true));
        words.subtract(FREE_BLOCKS_AT, 1);
        count_in(words, size, 1);
    } else {
        let next = found + need;
        // The rest's header may stand in the links of the block that it is taken from.
        if !index.is_by_address() {
            index.remove_inlined(found, size);
        }
        words.set_header(next, Header::free(rest));
        words.set_tag(next, rest);
        light_fence();
        words.set_header(found, header.with_size(need).with_in_use(true));
        if index.is_by_address() {
            index.moved(found, next);
        } else {
            index.insert_inlined(next, rest);
        }
        count_in(words, need, 1);
    }
    drop(writing);
}

/// Hands out `need` bytes from `front` bytes into a free block on, which leaves 0 or a block's bytes before.
fn carve(index: Index, found: Block, front: usize, need: usize) {
    if front == 0 {
        return take(index, Call::AlignedAlloc, found, need);
    }
    let words = index.words;
    let header = words.free_header(found);
    let size = header.size();
    if size < front + need {
        words.astray(found);
    }
    let after = behind(index, found, size);
    let writing = Writing::new(words, Call::AlignedAlloc);
    index.remove(found, size);
    let (body, rest) = (found + front, size - front - need);
    let is_split = rest >= index.shape().min();
    let used = if is_split { need } else { size - front };
    if is_split {
        words.set_header(body + need, Header::free(rest));
        words.set_tag(body + need, rest);
    }
    words.set_header(body, Header::free(used).with_in_use(true).with_prev_in_use(false));
    words.set_tag(found, front);
    light_fence();
    words.set_header(found, header.with_size(front));
    light_fence();
    if is_split {
        index.insert(body + need, rest);
        words.add(FREE_BLOCKS_AT, 1);
    } else {
        words.set_header(found + size, after.with_prev_in_use(true));
    }
    index.insert(found, front);
    count_in(words, used, 1);
    drop(writing);
}

/// The free block before `block`.
#[inline]
fn before(index: Index, block: Block) -> (Block, Header) {
    let words = index.words;
    match words.tag_before(block) {
        Ok(size) if size <= block - index.shape().first() => {
            let header = words.free_header(block - size);
            if header.size() != size {
                words.astray(block - size);
            }
            (block - size, header)
        }
        _ => misuse::tag_written(index, block),
    }
}

/// Merges a block that was in use with its free neighbours and puts the result into the index.
#[inline(never)]
pub(super) fn give(index: Index, call: Call, block: Block, header: Header) {
    let words = index.words;
    let own = header.size();
    let (next, after) = (block + own, behind(index, block, own));
    let mut size = own;
    let (mut start, mut first, mut merged) = (block, header, false);
    if !header.prev_in_use() {
        (start, first) = before(index, block);
        size += first.size();
        merged = true;
    }
    let writing = Writing::new(words, call);
    let by_address = index.is_by_address();
    if !after.in_use() {
        size += after.size();
        if merged || !by_address {
            index.remove_inlined(next, after.size());
        }
    }
    if merged {
        if !by_address {
            index.remove_inlined(start, first.size());
        }
        // What was a header stays one that says "free", so that freeing the block again is noticed.
        words.set_header(block, header.with_in_use(false));
    }
    light_fence();
    words.set_header(start, first.with_size(size).with_in_use(false));
    light_fence();
    words.set_tag(start, size);
    match (by_address, merged, after.in_use()) {
        (true, true, _) => index.moved(start, start),
        (true, false, false) => index.moved(next, start),
        _ => index.insert_inlined(start, size),
    }
    if after.in_use() {
        words.set_header(next, after.with_prev_in_use(false));
    }
    words.add(FREE_BLOCKS_AT, usize::from(after.in_use()).wrapping_sub(usize::from(merged)));
    words.subtract(LIVE_AT, own);
    words.subtract(BLOCKS_AT, 1);
    drop(writing);
}

/// Makes a block have `need` bytes where it is. False where there is no room: then nothing has changed.
fn resize(index: Index, block: Block, header: Header, need: usize) -> bool {
    let (words, old) = (index.words, header.size());
    let (next, after) = (block + old, behind(index, block, old));
    let room = if after.in_use() { old } else { old + after.size() };
    if need > room {
        return false;
    }
    let rest = room - need;
    let (new, rest) = if rest < index.shape().min() { (room, 0) } else { (need, rest) };
    if new == old {
        return true;
    }
    let beyond = if rest == 0 { Some(behind(index, block, room)) } else { None };
    let writing = Writing::new(words, Call::Realloc);
    if !after.in_use() {
        index.remove(next, after.size());
    }
    if rest != 0 {
        words.set_header(block + new, Header::free(rest));
        words.set_tag(block + new, rest);
    }
    light_fence();
    words.set_header(block, header.with_size(new));
    light_fence();
    if new > old {
        words.clear_header(next);
    }
    match beyond {
        Some(beyond) => words.set_header(block + room, beyond.with_prev_in_use(true)),
        None => index.insert(block + new, rest),
    }
    if after.in_use() {
        words.set_header(next, after.with_prev_in_use(false));
    }
    words.add(FREE_BLOCKS_AT, usize::from(rest != 0).wrapping_sub(usize::from(!after.in_use())));
    count_in(words, new.wrapping_sub(old), 0);
    drop(writing);
    true
}
