//! What valgrind is told of a free list: the buffer's blocks are nobody's but while they are handed out.
//!
//! It is told by the process that made the list, and by its children. A list in memory that other processes use, or
//! that is copied, is said to be shared when it is made: nothing is told of that.

use super::control::{Shape, WATCHER_AT};
use super::words::Words;
use crate::base::checksum;
use crate::base::config::HEADER;
use crate::sys::mempool::{pool_allocated, pool_created, pool_freed};
use crate::sys::valgrind;
use core::ptr::NonNull;

/// What the control block says where this process has told of the list.
fn watcher(words: Words) -> u64 {
    (words.base as u64 ^ checksum::secret()).max(1)
}

fn is_watched(words: Words) -> bool {
    valgrind::listens() && words.load(WATCHER_AT) == watcher(words)
}

/// A list was made.
#[expect(unsafe_code, reason = "valgrind's requests are assembly")]
pub(super) fn made(words: Words, shape: Shape, shared: bool) {
    let watched = valgrind::listens() && !shared;
    words.store(WATCHER_AT, if watched { watcher(words) } else { 0 });
    if watched {
        pool_created!(words.base);
        let start = shape.first() - HEADER;
        valgrind::hide(words.base + start, shape.end() - start);
    }
}

/// A list has grown.
pub(super) fn grown(words: Words, from: usize, to: usize) {
    if is_watched(words) {
        valgrind::hide(words.base + from, to - from);
    }
}

/// A block was handed out.
#[inline]
#[expect(unsafe_code, reason = "valgrind's requests are assembly")]
pub(super) fn handed_out(words: Words, block: NonNull<u8>, n: usize) {
    if is_watched(words) {
        pool_allocated!(words.base, block.addr().get(), n);
    }
}

/// A block came back.
#[inline]
#[expect(unsafe_code, reason = "valgrind's requests are assembly")]
pub(super) fn taken_back(words: Words, block: NonNull<u8>) {
    if is_watched(words) {
        pool_freed!(words.base, block.addr().get());
    }
}

/// A block of `old` bytes has `n` now.
#[expect(unsafe_code, reason = "valgrind's requests are assembly")]
pub(super) fn resized(words: Words, block: NonNull<u8>, old: usize, n: usize) {
    if is_watched(words) {
        pool_freed!(words.base, block.addr().get());
        pool_allocated!(words.base, block.addr().get(), n);
        // What it holds stays; which of it was written is not known any more.
        valgrind::show(block.addr().get(), old.min(n));
    }
}
