//! Blocks: the pieces of a region.
//!
//! ```text
//!     in use   | header | payload ...                                            |
//!     free     | header | left | right | parent | summary | ...        | size    |
//!                 8        8      8       8        8                      8
//!     header   = size in grains 32 bits, flags 4, check 28
//!     left ... = checksummed links; size = the boundary tag, with a checksum like that of the header
//! ```
//!
//! The address of its payload, a multiple of 16, names a block. The header stands before the payload, at 16k + 8. The
//! size of a block is the distance from its header to the next. The boundary tag is the last word of a *free* block:
//! the block after it finds the start of the free block with it. In a block in use that word belongs to the payload.
//! Each word of metes in a block has a checksum (`base::checksum`), so metes notices an overflow or a late write of the
//! program before it follows the word.
//!
//! The words are atomics: a free in one thread changes the flag `PREV_IN_USE` in the header of a block that another
//! thread owns, and that thread may read the size of its block without a lock.
//!
//! Only this folder makes a `Block`: from an address at which it knows that a block is or may be, or from another
//! block, with a size or a checksummed link. An address that the program passes in stays a number until a header with a
//! right checksum is found before it.

#![allow(unsafe_code)]

use crate::base::config::{BLOCK_MAX, GRAIN, HEADER, MIN_BLOCK};
use crate::base::shared::AtomicU64;
use crate::base::tree::Summary;
use crate::base::{align, checksum, pointer};
use core::ops::Range;
use core::sync::atomic::Ordering;

/// The block is in use.
pub(super) const IN_USE: u64 = 1 << 32;
/// The block before is in use, or there is none. So no boundary tag stands before the header.
const PREV_IN_USE: u64 = 1 << 33;
/// The whole pages of this free block have been given back, and not been used since.
const PURGED: u64 = 1 << 34;
/// The word is a boundary tag, not a header.
const TAG: u64 = 1 << 35;

pub(super) const HEADER_BITS: u32 = 36;
const LINK_BITS: u32 = 44;
pub(super) const SUMMARY_BITS: u32 = 38;

/// A link in a free block. The value is its offset from the payload.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(super) enum Link {
    /// To the child with smaller keys.
    Left = 0,
    /// To the child with larger keys.
    Right = 8,
    /// To the node above.
    Parent = 16,
}

/// The offset of the summary from the payload.
pub(super) const SUMMARY: usize = 24;

/// The bytes that the links and the summary take at the start of a free payload.
pub const NODE: usize = 32;

const _: () = assert!(HEADER + NODE + 8 <= MIN_BLOCK);

/// A smaller rest cannot be a block of its own.
pub const MIN_REST: usize = MIN_BLOCK;

/// The word at `address`.
///
/// # Safety
/// The address is a multiple of 8, and its 8 bytes lie in a region of a heap at work.
#[inline]
unsafe fn word(address: usize) -> &'static AtomicU64 {
    debug_assert!(align::is(address, 8) && address != 0);
    // SAFETY: the caller's promise. Regions are mapped, writable, and exposed by their page source. All access to these
    // words is atomic.
    unsafe { pointer::to_ref(address) }
}

/// # Safety
/// As for `word`.
#[inline]
unsafe fn load(address: usize) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { word(address) }.load(Ordering::Relaxed)
}

/// # Safety
/// As for `word`.
#[inline]
unsafe fn store(address: usize, value: u64) {
    // SAFETY: the caller's promise.
    unsafe { word(address) }.store(value, Ordering::Relaxed);
}

/// The content of a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header(u64);

impl Header {
    /// A header of `size` bytes for a block in use that stands after a block in use.
    pub fn new(size: usize) -> Self {
        debug_assert!(align::is(size, GRAIN) && size / GRAIN <= u32::MAX as usize);
        Self((size / GRAIN) as u64 | IN_USE | PREV_IN_USE)
    }

    /// The bytes from this header to the next.
    #[inline]
    pub fn size(self) -> usize {
        self.grains() as usize * GRAIN
    }

    /// The size in grains of 16 bytes.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are the size")]
    pub fn grains(self) -> u32 {
        self.0 as u32
    }

    /// Whether the block is in use.
    #[inline]
    pub fn in_use(self) -> bool {
        self.0 & IN_USE != 0
    }

    /// Whether the block before is in use, or there is none.
    #[inline]
    pub fn prev_in_use(self) -> bool {
        self.0 & PREV_IN_USE != 0
    }

    /// Whether the whole pages of the free block have been given back.
    pub fn purged(self) -> bool {
        self.0 & PURGED != 0
    }

    /// Whether this is a fence, the end of a segment: a header in use of no size.
    pub fn is_fence(self) -> bool {
        self.size() == 0
    }

    fn with(self, flag: u64, yes: bool) -> Self {
        Self(if yes { self.0 | flag } else { self.0 & !flag })
    }

    /// The same header with another size.
    pub fn with_size(self, size: usize) -> Self {
        debug_assert!(align::is(size, GRAIN) && size / GRAIN <= u32::MAX as usize);
        Self((self.0 & !u64::from(u32::MAX)) | (size / GRAIN) as u64)
    }

    /// The same header, in use or free, and not purged.
    pub fn with_in_use(self, yes: bool) -> Self {
        self.with(IN_USE, yes).with(PURGED, false)
    }

    /// The same header after a block in use or after a free one.
    pub fn with_prev_in_use(self, yes: bool) -> Self {
        self.with(PREV_IN_USE, yes)
    }

    /// The same header of a block whose whole pages have been given back.
    pub fn with_purged(self) -> Self {
        self.with(PURGED, true)
    }
}

/// The size of the block that serves a request of `n` bytes. `None` if no block can be so large.
#[inline]
pub fn size_for(n: usize) -> Option<usize> {
    if n < BLOCK_MAX { Some(align::up(n + HEADER, GRAIN).max(MIN_BLOCK)) } else { None }
}

/// The bytes that a program may use in a block of `size`.
#[inline]
pub fn usable(size: usize) -> usize {
    size - HEADER
}

/// The header of a block at `address`, or the word that stands in its place.
///
/// # Safety
/// The address is a multiple of 16, and the 8 bytes before it lie in a region of a heap at work.
#[inline]
pub(super) unsafe fn header_before(address: usize) -> Result<Header, u64> {
    // SAFETY: the caller's promise.
    let raw = unsafe { load(address - HEADER) };
    match checksum::verify::<HEADER_BITS>(address - HEADER, raw) {
        Some(low) if low & TAG == 0 => Ok(Header(low)),
        _ => Err(raw),
    }
}

/// The size of the block in use at `address`, its header included. `None` or a size that no block has if there is none.
///
/// # Safety
/// As for `header_before`.
#[inline(always)]
pub(super) unsafe fn size_in_use_before(address: usize) -> Option<usize> {
    // SAFETY: the caller's promise.
    let raw = unsafe { load(address - HEADER) };
    let low = checksum::verify::<HEADER_BITS>(address - HEADER, raw)?;
    // Any flag that is wrong counts as a high bit of the size.
    Some(((low & !PREV_IN_USE) ^ IN_USE) as usize * GRAIN)
}

/// The word is not what metes wrote there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Damaged;

/// A block, or a place where one may be, named by the address of its payload, a multiple of 16.
///
/// All of it lies in regions of a heap at work. Of a fence only the header does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub struct Block(usize);

impl Block {
    /// The block at `address`.
    ///
    /// # Safety
    /// The address is a multiple of 16. A block of a heap at work is there, or may be: the `MIN_BLOCK` bytes from its
    /// header on lie in regions of that heap. For a fence the 8 bytes of the header are enough.
    #[inline(always)]
    pub(super) unsafe fn at(address: usize) -> Self {
        debug_assert!(align::is(address, GRAIN) && address != 0);
        Self(address)
    }

    /// The address of its payload.
    #[inline(always)]
    pub fn address(self) -> usize {
        self.0
    }

    /// The place `size` bytes after this one: the next block if this one has that size, or the place where to cut it.
    #[inline]
    pub(super) fn after(self, size: usize) -> Self {
        debug_assert!(align::is(size, GRAIN));
        Self(self.0 + size)
    }

    /// The free block before this one, whose boundary tag says `size`.
    #[inline]
    pub(super) fn before(self, size: usize) -> Self {
        debug_assert!(align::is(size, GRAIN) && size < self.0);
        Self(self.0 - size)
    }

    /// The addresses from the header of this block of `size` bytes to the next header.
    #[inline]
    pub(super) fn extent(self, size: usize) -> Range<usize> {
        self.0 - HEADER..self.0 - HEADER + size
    }

    /// The header, or the word that stands in its place.
    #[inline]
    pub(super) fn header(self) -> Result<Header, u64> {
        // SAFETY: the header of a block lies in a region.
        unsafe { header_before(self.0) }
    }

    /// Writes the header.
    #[inline]
    pub(super) fn set_header(self, header: Header) {
        let at = self.0 - HEADER;
        // SAFETY: as in `header`.
        unsafe { store(at, checksum::attach::<HEADER_BITS>(at, header.0)) };
    }

    /// Zeroes the header, as no block starts here any more.
    pub(super) fn clear_header(self) {
        // SAFETY: as in `header`.
        unsafe { store(self.0 - HEADER, 0) };
    }

    /// The address of the boundary tag if this is a free block of `size` bytes.
    #[inline]
    fn tag_at(self, size: usize) -> usize {
        self.0 + size - HEADER - 8
    }

    /// Writes the boundary tag of this free block of `size` bytes.
    pub(super) fn set_tag(self, size: usize) {
        let at = self.tag_at(size);
        // SAFETY: it is the last word of the block.
        unsafe { store(at, checksum::attach::<HEADER_BITS>(at, (size / GRAIN) as u64 | TAG)) };
    }

    /// Zeroes the word where the boundary tag of a free block of `size` bytes stood, so that calloc may trust untouched
    /// memory.
    pub(super) fn clear_tag(self, size: usize) {
        // SAFETY: it is the last word of the block, or of the block before if `size` is 0.
        unsafe { store(self.tag_at(size), 0) };
    }

    /// Zeroes the word where the boundary tag of a free block before this one stood.
    pub(super) fn clear_tag_before(self) {
        self.clear_tag(0);
    }

    /// The size in the boundary tag before the header, or the word that stands in its place.
    pub(super) fn tag_before(self) -> Result<usize, u64> {
        let at = self.tag_at(0);
        // SAFETY: the last word of another block, or the pad of the segment, stands before a header.
        let raw = unsafe { load(at) };
        match checksum::verify::<HEADER_BITS>(at, raw) {
            Some(low) if low & TAG != 0 => Ok(Header(low).size()),
            _ => Err(raw),
        }
    }

    /// The block that a link of this free block leads to. `None` if it leads to none.
    #[inline(always)]
    pub(super) fn link(self, which: Link) -> Result<Option<Self>, Damaged> {
        // SAFETY: the links lie in the payload.
        match unsafe { open_link(self.0 + which as usize) } {
            // Its checksum shows that `set_link` wrote it.
            Some(to) => Ok((to != 0).then_some(Self(to))),
            None => Err(Damaged),
        }
    }

    /// Stores a link.
    #[inline(always)]
    pub(super) fn set_link(self, which: Link, to: Option<Self>) {
        // SAFETY: as in `link`.
        unsafe { set_link(self.0 + which as usize, to.map_or(0, Self::address)) };
    }

    /// The summary of this free block.
    #[inline(always)]
    pub(super) fn summary(self) -> Result<Summary, Damaged> {
        // SAFETY: the summary lies in the payload.
        unsafe { open_summary(self.0 + SUMMARY) }.ok_or(Damaged)
    }

    /// Stores the summary.
    #[inline(always)]
    pub(super) fn set_summary(self, summary: Summary) {
        let low = u64::from(summary.largest) | u64::from(summary.height) << 32;
        let at = self.0 + SUMMARY;
        // SAFETY: as in `summary`.
        unsafe { store(at, checksum::attach::<SUMMARY_BITS>(at, low)) };
    }

    /// The word at an offset in the node of this free block, unchecked.
    pub(super) fn node_word(self, offset: usize) -> u64 {
        debug_assert!(offset < NODE);
        // SAFETY: the node lies in the payload.
        unsafe { load(self.0 + offset) }
    }
}

/// The next block in the chain of deferred frees. The first word of the payload holds it. See `slab::arena`.
///
/// # Safety
/// A block of the heap, or an object, is at the address.
pub unsafe fn chained(address: usize) -> Option<usize> {
    // SAFETY: the caller's promise.
    unsafe { open_link(address) }
}

/// Stores the next block in the chain of deferred frees.
///
/// # Safety
/// As for `chained`. The block or object is not in use any more.
pub unsafe fn set_chained(address: usize, next: usize) {
    // SAFETY: the caller's promise.
    unsafe { set_link(address, next) };
}

/// # Safety
/// As for `word`.
unsafe fn open_link(at: usize) -> Option<usize> {
    // SAFETY: the caller's promise.
    let low = checksum::verify::<LINK_BITS>(at, unsafe { load(at) })?;
    usize::try_from(low).ok().map(|link| link * GRAIN)
}

/// # Safety
/// As for `word`.
unsafe fn set_link(at: usize, to: usize) {
    // SAFETY: the caller's promise.
    unsafe { store(at, checksum::attach::<LINK_BITS>(at, (to / GRAIN) as u64)) };
}

/// # Safety
/// As for `word`.
unsafe fn open_summary(at: usize) -> Option<Summary> {
    // SAFETY: the caller's promise.
    let low = checksum::verify::<SUMMARY_BITS>(at, unsafe { load(at) })?;
    #[expect(clippy::cast_possible_truncation, reason = "32 bits and 6 bits")]
    Some(Summary { largest: low as u32, height: (low >> 32) as u8 })
}
