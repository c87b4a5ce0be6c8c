//! Blocks: what a region is cut into.
//!
//! ```text
//!     in use   | header | payload ...                                            |
//!     free     | header | left | right | parent | summary | ...        | size    |
//!                 8        8      8       8        8                      8
//!     header   = size in grains 32 bits, flags 4, check 28
//!     left ... = sealed links; size = the boundary tag, sealed as a header is
//! ```
//!
//! A block is named by its payload, which is 16-aligned: its header stands before it, at 16k + 8, and its size counts
//! from header to next header. The boundary tag is the last word of a *free* block, so the neighbour after it finds its
//! start; in use that word belongs to the payload. Every word of ours is sealed (`base::checksum`): what a program's
//! overflow or late write leaves there is noticed before it is followed.
//!
//! Words are atomics, because a free in one thread changes the flag `PREV_IN_USE` in the header of a block another
//! thread owns, and that thread may be reading its own size without a lock.
//!
//! What reads and writes words follows the address it is given, and only this folder has it. Who calls it promises that
//! it is a block's, or that of a place for one, in a region of the heap at work: one that was cut out of free memory,
//! that a checksummed word of another such block leads to, or around which the page map has found a region.

#![allow(unsafe_code)]

use crate::base::code::Code;
use crate::base::config::{BLOCK_MAX, GRAIN, HEADER, MIN_BLOCK};
use crate::base::shared::AtomicU64;
use crate::base::tree::{NONE, Nodes, Summary};
use crate::base::{align, checksum, pointer};
use crate::trace::report;
use core::sync::atomic::Ordering;

/// The block is handed out.
const IN_USE: u64 = 1 << 32;
/// The block before it is handed out, or there is none: no boundary tag stands before the header.
const PREV_IN_USE: u64 = 1 << 33;
/// The whole pages of this free block were given back since it took this shape.
const PURGED: u64 = 1 << 34;
/// The word is a boundary tag and no header.
const TAG: u64 = 1 << 35;

const HEADER_BITS: u32 = 36;
const LINK_BITS: u32 = 44;
const SUMMARY_BITS: u32 = 38;

/// Offsets from the payload.
const LEFT: usize = 0;
const RIGHT: usize = 8;
const PARENT: usize = 16;
const SUMMARY: usize = 24;

/// Bytes at the start of a free block's payload that its links and summary take.
pub const NODE: usize = 32;

const _: () = assert!(HEADER + NODE + 8 <= MIN_BLOCK);

/// A rest of fewer bytes is not worth a block of its own, nor possible.
pub const MIN_REST: usize = MIN_BLOCK;

/// A block's address: that of its payload.
pub type Block = usize;

/// The word at `address`, which must be 8-aligned and in a region.
#[inline]
fn word(address: usize) -> &'static AtomicU64 {
    debug_assert!(align::is(address, 8) && address != 0);
    // SAFETY: what the folder's files promise (see above): it is inside a region, and these are mapped, writable, and
    // exposed by their page source; all access to these words is atomic, and they are 8-aligned.
    unsafe { pointer::to_ref(address) }
}

#[inline]
fn load(address: usize) -> u64 {
    word(address).load(Ordering::Relaxed)
}

#[inline]
fn store(address: usize, value: u64) {
    word(address).store(value, Ordering::Relaxed);
}

/// What a header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header(u64);

impl Header {
    /// A header in use, of `size` bytes, after a block in use.
    pub fn new(size: usize) -> Self {
        debug_assert!(align::is(size, GRAIN) && size / GRAIN <= u32::MAX as usize);
        Self((size / GRAIN) as u64 | IN_USE | PREV_IN_USE)
    }

    /// Bytes from this header to the next.
    #[inline]
    pub fn size(self) -> usize {
        self.grains() as usize * GRAIN
    }

    /// The size in 16-byte units.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are the size")]
    pub fn grains(self) -> u32 {
        self.0 as u32
    }

    /// Whether the block is handed out.
    #[inline]
    pub fn in_use(self) -> bool {
        self.0 & IN_USE != 0
    }

    /// Whether the block before is handed out or absent.
    #[inline]
    pub fn prev_in_use(self) -> bool {
        self.0 & PREV_IN_USE != 0
    }

    /// Whether the free block's whole pages are with the operating system.
    pub fn purged(self) -> bool {
        self.0 & PURGED != 0
    }

    /// The end of a segment: a header in use of no size.
    pub fn is_fence(self) -> bool {
        self.size() == 0
    }

    fn with(self, flag: u64, yes: bool) -> Self {
        Self(if yes { self.0 | flag } else { self.0 & !flag })
    }

    /// The same with another size.
    pub fn with_size(self, size: usize) -> Self {
        debug_assert!(align::is(size, GRAIN) && size / GRAIN <= u32::MAX as usize);
        Self((self.0 & !u64::from(u32::MAX)) | (size / GRAIN) as u64)
    }

    /// The same, handed out or free.
    pub fn with_in_use(self, yes: bool) -> Self {
        self.with(IN_USE, yes).with(PURGED, false)
    }

    /// The same after a block in use or a free one.
    pub fn with_prev_in_use(self, yes: bool) -> Self {
        self.with(PREV_IN_USE, yes)
    }

    /// The same with its pages given back.
    pub fn with_purged(self) -> Self {
        self.with(PURGED, true)
    }
}

/// The bytes of a block that serves a request of `n` bytes; `None` if no block can be so large.
#[inline]
pub fn size_for(n: usize) -> Option<usize> {
    if n < BLOCK_MAX { Some(align::up(n + HEADER, GRAIN).max(MIN_BLOCK)) } else { None }
}

/// The bytes a program may use in a block of `size`.
#[inline]
pub fn usable(size: usize) -> usize {
    size - HEADER
}

/// Where the next block's payload is.
#[inline]
pub fn after(block: Block, size: usize) -> Block {
    block + size
}

/// The block's header, or the word that stands there instead.
#[inline]
pub(super) fn header(block: Block) -> Result<Header, u64> {
    let raw = load(block - HEADER);
    match checksum::verify::<HEADER_BITS>(block - HEADER, raw) {
        Some(low) if low & TAG == 0 => Ok(Header(low)),
        _ => Err(raw),
    }
}

/// Writes the block's header.
#[inline]
pub(super) fn set_header(block: Block, header: Header) {
    store(block - HEADER, checksum::attach::<HEADER_BITS>(block - HEADER, header.0));
}

/// Where the boundary tag of a free block of `size` stands.
#[inline]
fn tag_at(block: Block, size: usize) -> usize {
    block + size - HEADER - 8
}

/// Writes the boundary tag of a free block.
pub(super) fn set_tag(block: Block, size: usize) {
    let at = tag_at(block, size);
    store(at, checksum::attach::<HEADER_BITS>(at, (size / GRAIN) as u64 | TAG));
}

/// Zeroes the word where the tag of a free block of `size` stood, so that calloc may trust untouched memory.
pub(super) fn clear_tag(block: Block, size: usize) {
    store(tag_at(block, size), 0);
}

/// Zeroes the block's header: it stands no longer at the start of a block.
pub(super) fn clear_header(block: Block) {
    store(block - HEADER, 0);
}

/// The size in the boundary tag that ends before `block`'s header, or the word that stands there instead.
pub(super) fn tag_before(block: Block) -> Result<usize, u64> {
    let at = block - HEADER - 8;
    let raw = load(at);
    match checksum::verify::<HEADER_BITS>(at, raw) {
        Some(low) if low & TAG != 0 => Ok(Header(low).size()),
        _ => Err(raw),
    }
}

/// The next block in the chain of deferred frees, kept in the payload's first word. See `slab::arena`.
///
/// # Safety
/// A block, or an object, of ours is at the address.
pub unsafe fn chained(block: Block) -> Option<Block> {
    open_link(block + LEFT)
}

/// Stores the next block in the chain of deferred frees.
///
/// # Safety
/// As for `chained`, and nobody uses it any more.
pub unsafe fn set_chained(block: Block, next: Block) {
    set_link(block + LEFT, next);
}

fn open_link(at: usize) -> Option<Block> {
    let low = checksum::verify::<LINK_BITS>(at, load(at))?;
    usize::try_from(low).ok().map(|link| link * GRAIN)
}

fn set_link(at: usize, to: Block) {
    store(at, checksum::attach::<LINK_BITS>(at, (to / GRAIN) as u64));
}

fn open_summary(at: usize) -> Option<Summary> {
    let low = checksum::verify::<SUMMARY_BITS>(at, load(at))?;
    #[expect(clippy::cast_possible_truncation, reason = "32 bits and 6 bits")]
    Some(Summary { largest: low as u32, height: (low >> 32) as u8 })
}

/// The node's fields without trust, for the validators.
pub(super) struct Peek {
    /// Left child, right child, parent; `None` where the word is damaged.
    pub links: [Option<Block>; 3],
    /// The summary, `None` where the word is damaged.
    pub summary: Option<Summary>,
}

/// Reads a free block's node without reporting anything.
pub(super) fn peek(block: Block) -> Peek {
    Peek {
        links: [open_link(block + LEFT), open_link(block + RIGHT), open_link(block + PARENT)],
        summary: open_summary(block + SUMMARY),
    }
}

/// The tree's nodes are the free blocks.
pub(super) struct FreeBlocks;

impl FreeBlocks {
    #[inline]
    fn link(&self, block: Block, field: usize) -> Block {
        match open_link(block + field) {
            Some(link) => link,
            None => write_after_free(block, block + field),
        }
    }
}

/// A word in a free block is not what was left there.
#[cold]
#[inline(never)]
fn write_after_free(block: Block, at: usize) -> ! {
    let raw = load(at);
    let size = header(block).map_or(0, |h| usable(h.size().max(HEADER)));
    let (from, to) = (at - block, at - block + 7);
    report::misuse(
        Code::FreeBlockWritten,
        at,
        format_args!("the free block of {size} bytes at {block:#x}: its bytes {from} to {to} are {raw:#018x}"),
    )
}

impl Nodes for FreeBlocks {
    #[inline]
    fn size(&self, block: usize) -> u32 {
        match header(block) {
            Ok(h) => h.grains(),
            Err(raw) => damaged(block, raw),
        }
    }

    #[inline]
    fn left(&self, block: usize) -> usize {
        self.link(block, LEFT)
    }

    #[inline]
    fn right(&self, block: usize) -> usize {
        self.link(block, RIGHT)
    }

    #[inline]
    fn parent(&self, block: usize) -> usize {
        self.link(block, PARENT)
    }

    #[inline]
    fn summary(&self, block: usize) -> Summary {
        debug_assert!(block != NONE);
        match open_summary(block + SUMMARY) {
            Some(summary) => summary,
            None => write_after_free(block, block + SUMMARY),
        }
    }

    fn set_left(&self, block: usize, child: usize) {
        set_link(block + LEFT, child);
    }

    fn set_right(&self, block: usize, child: usize) {
        set_link(block + RIGHT, child);
    }

    fn set_parent(&self, block: usize, parent: usize) {
        set_link(block + PARENT, parent);
    }

    fn set_summary(&self, block: usize, summary: Summary) {
        let low = u64::from(summary.largest) | u64::from(summary.height) << 32;
        store(block + SUMMARY, checksum::attach::<SUMMARY_BITS>(block + SUMMARY, low));
    }

    /// Each word is one that was there once: what was read from a free block has been written back to it later.
    #[cold]
    #[inline(never)]
    fn astray(&self, block: usize) -> ! {
        let size = header(block).map_or(0, |h| usable(h.size().max(HEADER)));
        let text =
            format_args!("the free block of {size} bytes at {block:#x}: its links, of an earlier time, lead astray");
        report::misuse(Code::FreeBlockWritten, block, text)
    }
}

/// The header of a free block is not what was left there.
#[cold]
#[inline(never)]
fn damaged(block: Block, raw: u64) -> ! {
    report::misuse(
        Code::FreeBlockWritten,
        block - HEADER,
        format_args!("the header of the free block at {block:#x} is {raw:#018x}"),
    )
}
