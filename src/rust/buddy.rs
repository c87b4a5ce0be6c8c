//! Blocks of a power of two each, of a slice or of offsets.

#![allow(unsafe_code)]

use crate::special::buddy::options::{Layout, Options};
use crate::special::buddy::{Buddy as Raw, Wrong};
use crate::special::memory::Memory;
use core::ffi::CStr;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// An allocator and the memory of its bitmaps.
struct Owned {
    raw: Raw,
    words: NonNull<u8>,
}

// SAFETY: the bitmaps go along, and nothing of them belongs to a thread.
unsafe impl Send for Owned {}

impl Owned {
    fn new(start: usize, bytes: usize, blocks: core::ops::RangeInclusive<usize>) -> Option<Self> {
        let options = Options { min_block: *blocks.start(), max_block: *blocks.end(), ..Options::default() };
        let layout = Layout::new(start, bytes, &options)?;
        let count = layout.words() * size_of::<u64>();
        let words = Memory::Process.allocate(count, align_of::<u64>())?;
        // SAFETY: there are so many words, and they live as long.
        let raw = unsafe {
            words.write_bytes(0, count);
            Raw::new(words.cast().as_ptr(), layout, false)
        };
        Some(Self { raw, words })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it is from `new`, and goes with the allocator.
        unsafe { Memory::Process.release(self.words) };
    }
}

/// A buddy allocator over a slice, which stays borrowed. A block's address is a multiple of its size. What the
/// allocator knows stands elsewhere, in memory of the process's.
///
/// ```
/// let mut range = vec![0; 100_000];
/// let buddy = metes::Buddy::new(&mut range);
/// let mut block = buddy.alloc(1000).expect("room");
/// assert_eq!((block.len(), block.as_ptr().addr() % 1024), (1024, 0));
/// block[1023] = 7;
/// ```
///
/// No block outlives the allocator, or the slice:
///
/// ```compile_fail,E0505
/// let mut range = vec![0; 100_000];
/// let buddy = metes::Buddy::new(&mut range);
/// let block = buddy.alloc(1000);
/// drop(buddy);
/// assert!(block.is_some());
/// ```
///
/// ```compile_fail,E0499
/// let mut range = vec![0; 100_000];
/// let buddy = metes::Buddy::new(&mut range);
/// range[0] = 1;
/// buddy.alloc(1000);
/// ```
pub struct Buddy<'r> {
    owned: Owned,
    range: NonNull<u8>,
    borrowed: PhantomData<&'r mut [u8]>,
}

// SAFETY: the range goes along.
unsafe impl Send for Buddy<'_> {}

/// A block of a [`Buddy`], as bytes. It goes back when it is dropped.
pub struct BuddyBox<'b> {
    buddy: &'b Buddy<'b>,
    bytes: NonNull<[u8]>,
}

impl<'r> Buddy<'r> {
    /// All of a slice is free. Blocks are of 64 bytes and more. Panics if the slice has no room for one, or there is
    /// no memory.
    pub fn new(range: &'r mut [u8]) -> Self {
        Self::with_blocks(range, 0..=0).expect("a range with room for a block of 64 bytes, and memory")
    }

    /// The same with blocks from one size to another, powers of two; 0 is the default. `None`, with a line on
    /// standard error, if that cannot be, or there is no memory.
    pub fn with_blocks(range: &'r mut [u8], blocks: core::ops::RangeInclusive<usize>) -> Option<Self> {
        let bytes = range.len();
        let range = NonNull::from(range).cast::<u8>();
        let owned = Owned::new(range.as_ptr().expose_provenance(), bytes, blocks)?;
        Some(Self { owned, range, borrowed: PhantomData })
    }

    /// The lowest free block of the smallest size that has at least so many bytes. What is in it is what its last
    /// user has left.
    pub fn alloc(&self, bytes: usize) -> Option<BuddyBox<'_>> {
        let address = self.owned.raw.alloc(bytes)?;
        let usable = self.owned.raw.usable(address).ok()?;
        Some(BuddyBox { buddy: self, bytes: self.slice(address, usable) })
    }

    fn slice(&self, address: usize, bytes: usize) -> NonNull<[u8]> {
        // SAFETY: the block lies in the range.
        let start = unsafe { self.range.add(address - self.range.addr().get()) };
        NonNull::slice_from_raw_parts(start, bytes)
    }

    /// Bytes that are free.
    pub fn free_bytes(&self) -> usize {
        self.owned.raw.stats().free
    }

    /// Bytes of the largest free block.
    pub fn largest_free(&self) -> usize {
        self.owned.raw.stats().largest_free
    }

    /// Checks the allocator's own invariants.
    pub fn check(&self) -> Result<(), &'static CStr> {
        self.owned.raw.check()
    }
}

impl BuddyBox<'_> {
    /// Makes it a block of at least so many bytes, where it is; false, and nothing is changed, if the blocks behind
    /// it are not free.
    pub fn resize(&mut self, bytes: usize) -> bool {
        let (raw, address) = (&self.buddy.owned.raw, self.bytes.cast::<u8>().addr().get());
        let is_resized = raw.resize(address, bytes) == Ok(true);
        if let (true, Ok(usable)) = (is_resized, raw.usable(address)) {
            self.bytes = self.buddy.slice(address, usable);
        }
        is_resized
    }
}

impl Drop for BuddyBox<'_> {
    fn drop(&mut self) {
        let freed = self.buddy.owned.raw.free(self.bytes.cast::<u8>().addr().get());
        debug_assert!(freed.is_ok());
    }
}

impl Deref for BuddyBox<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the block is this box's alone, and all of the range is written.
        unsafe { self.bytes.as_ref() }
    }
}

impl DerefMut for BuddyBox<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the same.
        unsafe { self.bytes.as_mut() }
    }
}

/// A buddy allocator of offsets, for memory that is not the process's, or for a file. Offsets are multiples of their
/// blocks' sizes.
///
/// ```
/// let mut offsets = metes::BuddyOffsets::new(1 << 30);
/// assert_eq!((offsets.alloc(100), offsets.alloc(5000)), (Some(0), Some(8192)));
/// assert_eq!(offsets.free(0), Ok(128));
/// assert_eq!(offsets.free(0), Err(metes::NotOut));
/// ```
pub struct BuddyOffsets {
    owned: Owned,
}

/// No block that is out starts at that offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotOut;

impl fmt::Display for NotOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("no block that is out starts there")
    }
}

impl core::error::Error for NotOut {}

impl From<Wrong> for NotOut {
    fn from(_: Wrong) -> Self {
        Self
    }
}

impl BuddyOffsets {
    /// The offsets below `bytes` are free. Blocks are of 64 bytes and more. Panics if there is no room for one, or no
    /// memory.
    pub fn new(bytes: usize) -> Self {
        Self::with_blocks(bytes, 0..=0).expect("room for a block of 64 bytes, and memory")
    }

    /// The same with blocks from one size to another, powers of two; 0 is the default. `None`, with a line on
    /// standard error, if that cannot be, or there is no memory.
    pub fn with_blocks(bytes: usize, blocks: core::ops::RangeInclusive<usize>) -> Option<Self> {
        Owned::new(0, bytes, blocks).map(|owned| Self { owned })
    }

    /// The lowest free block of the smallest size that has at least so many bytes.
    #[inline]
    pub fn alloc(&mut self, bytes: usize) -> Option<usize> {
        self.owned.raw.alloc(bytes)
    }

    /// Takes a block back, and says how many bytes it has.
    #[inline]
    pub fn free(&mut self, offset: usize) -> Result<usize, NotOut> {
        Ok(self.owned.raw.free(offset)?)
    }

    /// How many bytes a block has.
    pub fn size_of(&self, offset: usize) -> Result<usize, NotOut> {
        Ok(self.owned.raw.usable(offset)?)
    }

    /// Makes a block one of at least so many bytes, where it is. False, and nothing is changed, if the blocks behind
    /// it are not free.
    pub fn resize(&mut self, offset: usize, bytes: usize) -> Result<bool, NotOut> {
        Ok(self.owned.raw.resize(offset, bytes)?)
    }

    /// Takes all blocks back.
    pub fn clear(&mut self) {
        self.owned.raw.reset();
    }

    /// Bytes that are free.
    pub fn free_bytes(&self) -> usize {
        self.owned.raw.stats().free
    }

    /// Bytes of the largest free block.
    pub fn largest_free(&self) -> usize {
        self.owned.raw.stats().largest_free
    }

    /// Checks the allocator's own invariants.
    pub fn check(&self) -> Result<(), &'static CStr> {
        self.owned.raw.check()
    }
}
