//! What stands in a free list's buffer: the control block, and the headers, boundary tags and links of blocks.
//!
//! ```text
//!     offset   0                                                first                        end
//!             | magic, shape, secret, state, root, figures, bins | block | free block | ... | fence
//!
//!     in use   | header | payload ...                                            |
//!     in tree  | header | left | right | parent | summary | ...        | size    |
//!     in bin   | header | next | previous | ...                        | size    |
//! ```
//!
//! Every place is an offset from the buffer's start, and a block is named by that of its payload. Each word of ours
//! is checksummed over its offset and a secret that stands in the control block: it passes in every process and after
//! a copy, but not at another offset or in another list. Who uses these functions promises that the buffer is there,
//! and that nobody else uses the list meanwhile.

#![allow(unsafe_code)]

use super::control::{BYTES_MAX, Block, SECRET_AT, SHAPE_AT, Shape};
use crate::base::checksum::{attach_with, verify_with};
use crate::base::code::Code;
use crate::base::config::{GRAIN, HEADER};
use crate::base::tree::{NONE, Nodes, Summary};
use crate::base::{align, pointer};
use crate::trace::report;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

// Sizes and offsets are multiples of 16: what a word is stands in the bits below.
const IN_USE: u64 = 1;
const PREV_IN_USE: u64 = 2;
const TAG: u64 = 4;
const LINK: u64 = 8;
const KIND: u64 = TAG | LINK;
const LOW: u64 = 15;

/// Of headers, tags and links.
const WORD_BITS: u32 = 36;
const SUMMARY_BITS: u32 = 38;
const SHAPE_BITS: u32 = 44;

// Offsets from the payload.
const LEFT: usize = 0;
const RIGHT: usize = 8;
const PARENT: usize = 16;
const SUMMARY: usize = 24;
/// The next block of the bin.
pub(super) const NEXT: usize = LEFT;
/// The block of the bin before.
pub(super) const PREVIOUS: usize = RIGHT;

/// What a header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header(u64);

impl Header {
    /// A free block of `size` bytes behind one in use.
    #[inline]
    pub fn free(size: usize) -> Self {
        debug_assert!(align::is(size, GRAIN) && size < BYTES_MAX);
        Self(size as u64 | PREV_IN_USE)
    }

    /// Bytes from this header to the next.
    #[inline]
    pub fn size(self) -> usize {
        (self.0 & !LOW) as usize
    }

    #[inline]
    pub fn in_use(self) -> bool {
        self.0 & IN_USE != 0
    }

    /// Whether the block before is in use, or there is none.
    #[inline]
    pub fn prev_in_use(self) -> bool {
        self.0 & PREV_IN_USE != 0
    }

    #[inline]
    pub fn with_size(self, size: usize) -> Self {
        Self(self.0 & LOW | size as u64)
    }

    #[inline]
    pub fn with_in_use(self, yes: bool) -> Self {
        Self(if yes { self.0 | IN_USE } else { self.0 & !IN_USE })
    }

    #[inline]
    pub fn with_prev_in_use(self, yes: bool) -> Self {
        Self(if yes { self.0 | PREV_IN_USE } else { self.0 & !PREV_IN_USE })
    }
}

/// A buffer and its secret.
#[derive(Clone, Copy)]
pub(super) struct Words {
    /// The buffer's address.
    pub base: usize,
    pub secret: u64,
}

impl Words {
    /// Those of the list at `base`.
    #[inline]
    pub fn of(base: usize) -> Self {
        let unsealed = Self { base, secret: 0 };
        Self { base, secret: unsealed.load(SECRET_AT) }
    }

    #[inline]
    fn word(self, at: usize) -> &'static AtomicU64 {
        debug_assert!(align::is(at, 8) && at < BYTES_MAX);
        // SAFETY: what the file's users promise (see above). The buffer's address was exposed, and all access to
        // these words is atomic.
        unsafe { pointer::to_ref(self.base + at) }
    }

    #[inline]
    pub fn load(self, at: usize) -> u64 {
        self.word(at).load(Relaxed)
    }

    #[inline]
    pub fn store(self, at: usize, value: u64) {
        self.word(at).store(value, Relaxed);
    }

    /// Adds to a figure.
    #[inline]
    pub fn add(self, at: usize, more: usize) -> u64 {
        let sum = self.load(at).wrapping_add(more as u64);
        self.store(at, sum);
        sum
    }

    /// Takes from a figure.
    #[inline]
    pub fn subtract(self, at: usize, less: usize) {
        self.store(at, self.load(at).wrapping_sub(less as u64));
    }

    /// The list's shape, if the word is whole.
    #[inline]
    pub fn shape(self) -> Option<Shape> {
        verify_with::<SHAPE_BITS>(self.secret, SHAPE_AT, self.load(SHAPE_AT)).map(Shape::from_word)
    }

    /// The same without a check.
    #[inline(always)]
    pub fn shape_as_it_is(self) -> Shape {
        Shape::from_word(self.load(SHAPE_AT) & ((1 << SHAPE_BITS) - 1))
    }

    pub fn set_shape(self, shape: Shape) {
        self.store(SHAPE_AT, attach_with::<SHAPE_BITS>(self.secret, SHAPE_AT, shape.word()));
    }

    /// The block's header, or the word that stands there instead.
    #[inline]
    pub fn header(self, block: Block) -> Result<Header, u64> {
        let raw = self.load(block - HEADER);
        match verify_with::<WORD_BITS>(self.secret, block - HEADER, raw) {
            Some(low) if low & KIND == 0 => Ok(Header(low)),
            _ => Err(raw),
        }
    }

    #[inline]
    pub fn set_header(self, block: Block, header: Header) {
        self.store(block - HEADER, attach_with::<WORD_BITS>(self.secret, block - HEADER, header.0));
    }

    /// The header of what has to be a free block.
    #[inline]
    pub fn free_header(self, block: Block) -> Header {
        match self.header(block) {
            Ok(header) if !header.in_use() => header,
            _ => self.damaged(block),
        }
    }

    /// No block starts here any more.
    pub fn clear_header(self, block: Block) {
        self.store(block - HEADER, 0);
    }

    /// Writes a free block's boundary tag.
    #[inline]
    pub fn set_tag(self, block: Block, size: usize) {
        let at = block + size - HEADER - 8;
        self.store(at, attach_with::<WORD_BITS>(self.secret, at, size as u64 | TAG));
    }

    /// The size in the boundary tag that ends before a block's header, or the word that stands there instead.
    #[inline]
    pub fn tag_before(self, block: Block) -> Result<usize, u64> {
        let at = block - HEADER - 8;
        let raw = self.load(at);
        match verify_with::<WORD_BITS>(self.secret, at, raw) {
            Some(low) if low & KIND == TAG => Ok(Header(low).size()),
            _ => Err(raw),
        }
    }

    /// The link at an offset.
    #[inline]
    pub fn link(self, at: usize) -> Option<Block> {
        let low = verify_with::<WORD_BITS>(self.secret, at, self.load(at))?;
        (low & KIND == LINK).then_some((low & !LOW) as usize)
    }

    #[inline]
    pub fn set_link(self, at: usize, to: Block) {
        self.store(at, attach_with::<WORD_BITS>(self.secret, at, to as u64 | LINK));
    }

    /// A link of a free block.
    #[inline]
    pub fn link_of(self, block: Block, field: usize) -> Block {
        match self.link(block + field) {
            Some(link) => link,
            None => self.written_to(block, block + field),
        }
    }

    /// The links of a node of the tree, `None` where the word is damaged: left, right, parent.
    pub fn peek_links(self, block: Block) -> [Option<Block>; 3] {
        [LEFT, RIGHT, PARENT].map(|field| self.link(block + field))
    }

    /// The summary of a node of the tree.
    #[inline]
    pub fn peek_summary(self, block: Block) -> Option<Summary> {
        let at = block + SUMMARY;
        let low = verify_with::<SUMMARY_BITS>(self.secret, at, self.load(at))?;
        #[expect(clippy::cast_possible_truncation, reason = "32 bits and 6 bits")]
        Some(Summary { largest: low as u32, height: (low >> 32) as u8 })
    }

    /// A word in a free block is not what was left there.
    #[cold]
    #[inline(never)]
    fn written_to(self, block: Block, at: usize) -> ! {
        let raw = self.load(at);
        let size = self.header(block).map_or(0, |header| header.size().max(HEADER) - HEADER);
        let (from, to, address) = (at - block, at - block + 7, self.base + block);
        report::misuse(
            Code::FreeBlockWritten,
            self.base + at,
            format_args!("the free block of {size} bytes at {address:#x}: its bytes {from} to {to} are {raw:#018x}"),
        )
    }

    /// The header of a free block is not what was left there.
    #[cold]
    #[inline(never)]
    pub fn damaged(self, block: Block) -> ! {
        let (address, raw) = (self.base + block, self.load(block - HEADER));
        report::misuse(
            Code::FreeBlockWritten,
            address - HEADER,
            format_args!("the header of the free block at {address:#x} is {raw:#018x}"),
        )
    }

    /// A word of the control block is not what was left there.
    #[cold]
    #[inline(never)]
    pub fn control_damaged(self, at: usize) -> ! {
        let (base, raw) = (self.base, self.load(at));
        report::misuse(
            Code::HeapDamaged,
            base + at,
            format_args!(
                "the free list at {base:#x}: byte {at} of its control block is written over, with {raw:#018x}"
            ),
        )
    }
}

/// The tree's nodes are free blocks.
impl Nodes for Words {
    #[inline]
    fn size(&self, block: usize) -> u32 {
        (self.free_header(block).0 / GRAIN as u64) as u32
    }

    #[inline]
    fn left(&self, block: usize) -> usize {
        self.link_of(block, LEFT)
    }

    #[inline]
    fn right(&self, block: usize) -> usize {
        self.link_of(block, RIGHT)
    }

    #[inline]
    fn parent(&self, block: usize) -> usize {
        self.link_of(block, PARENT)
    }

    #[inline]
    fn summary(&self, block: usize) -> Summary {
        debug_assert!(block != NONE);
        match self.peek_summary(block) {
            Some(summary) => summary,
            None => self.written_to(block, block + SUMMARY),
        }
    }

    #[inline]
    fn set_left(&self, block: usize, child: usize) {
        self.set_link(block + LEFT, child);
    }

    #[inline]
    fn set_right(&self, block: usize, child: usize) {
        self.set_link(block + RIGHT, child);
    }

    #[inline]
    fn set_parent(&self, block: usize, parent: usize) {
        self.set_link(block + PARENT, parent);
    }

    #[inline]
    fn set_summary(&self, block: usize, summary: Summary) {
        let at = block + SUMMARY;
        let low = u64::from(summary.largest) | u64::from(summary.height) << 32;
        self.store(at, attach_with::<SUMMARY_BITS>(self.secret, at, low));
    }

    #[cold]
    #[inline(never)]
    fn astray(&self, block: usize) -> ! {
        let size = self.header(block).map_or(0, |header| header.size().max(HEADER) - HEADER);
        let address = self.base + block;
        report::misuse(
            Code::FreeBlockWritten,
            address,
            format_args!("the free block of {size} bytes at {address:#x}: its links, of an earlier time, lead astray"),
        )
    }
}
