//! What is known of large blocks: whether the program touches all of them, so that huge pages cost no
//! memory (`heap::huge`).

#![allow(unsafe_code)]

use crate::base::operation::Operation;
use crate::base::{align, pointer};
use crate::heap::huge::LARGE;
use crate::process::options::{self, HugePages};
use crate::process::statics;
use crate::sys::{mmap, probe, valgrind};
use core::sync::atomic::Ordering::Relaxed;

/// One page in this many bytes is looked at.
const STRIDE: usize = 512 << 10;

fn matters(bytes: usize) -> bool {
    bytes >= LARGE && options::huge_pages() == HugePages::Auto && !valgrind::listens()
}

/// Whether the program has touched the block of `bytes` bytes that it is freeing: three quarters of the pages looked at
/// are not all zero. Looking at a page that was never touched does not allocate one.
#[inline]
pub fn is_touched(block: usize, bytes: usize) -> bool {
    matters(bytes) && has_content(block, bytes)
}

#[cold]
#[inline(never)]
fn has_content(block: usize, bytes: usize) -> bool {
    let page = mmap::page_size();
    let pages = STRIDE / page;
    let mut empty = 0;
    let most = bytes / STRIDE / 4;
    for index in 0..bytes / STRIDE {
        // Another page of each stride, so that what a program does at regular distances does not stand for all.
        let at = align::up(block, page) + index * STRIDE + (index * 37 + 11) % (pages - 1) * page;
        // Programs make pages of their blocks untouchable, and map files over them.
        let is_readable = probe::is_readable(at);
        let words = (at..at + page).step_by(size_of::<u64>());
        // SAFETY: inside the block, which is not used any more, on a page that can be read.
        let mut contents = words.map(|word| unsafe { pointer::at::<u64>(word).read_volatile() });
        empty += usize::from(!is_readable || contents.all(|content| content == 0));
        if empty > most {
            return false;
        }
    }
    true
}

/// The same for a mapping: if it was touched, this counts for the calling thread's home arena.
#[inline]
pub fn look_at_mapping(start: usize, bytes: usize) {
    if is_touched(start, bytes)
        && let Some(mut heap) = statics::arena(statics::home()).enter(Operation::Free)
    {
        heap.was_touched(start, bytes);
    }
}

/// Notes that the first `bytes` bytes of a block that was just allocated will be written.
#[inline]
pub fn will_be_touched(block: usize, bytes: usize) {
    if matters(bytes) {
        ask(block, bytes);
    }
}

#[cold]
#[inline(never)]
fn ask(block: usize, bytes: usize) {
    if let Some(region) =
        statics::PAGE_MAP.get(block).filter(|record| record.is_region() && record.compartment().is_none())
        && let Some(mut heap) = statics::arena(region.arena.load(Relaxed) as usize).enter(Operation::Realloc)
    {
        heap.will_be_touched(block, bytes);
    }
}
