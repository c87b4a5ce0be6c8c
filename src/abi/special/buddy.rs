//! `metes_buddy_*`.

#![allow(unsafe_code)]

use crate::special::buddy::handle::{self, Handle};
use crate::special::buddy::options::Options;
use core::ffi::{CStr, c_char, c_void};
use core::ptr::{NonNull, null, null_mut};

/// A buddy allocator: blocks of a power of two each, of a range of memory or of offsets. One thread at a time may use
/// it, unless it was made with `shared`.
pub struct MetesBuddy(Handle);

/// How a buddy allocator is. Set `size`, and what is not to be the default, which zero is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MetesBuddyOptions {
    /// `sizeof(struct metes_buddy_options)`.
    pub size: usize,
    /// Bytes of the smallest block, whose order is 0: a power of two from 16 to 1 GiB. 64 by default.
    pub min_block: usize,
    /// Bytes of the largest block, a power of two. By default the largest that the range can have.
    pub max_block: usize,
    /// 1 if several threads use it at a time: each call takes a lock then.
    pub shared: usize,
    /// 1 if there is no memory, and `metes_buddy_alloc_offset` is all that is wanted: `range` is NULL then, and
    /// offsets are those from 0 to `bytes`.
    pub offsets: usize,
    /// Memory for all that the allocator knows, aligned to 16 and not in the range, or NULL: then malloc serves it.
    /// See `metes_buddy_control_bytes`.
    pub control: *mut c_void,
    /// Bytes of `control`.
    pub control_bytes: usize,
}

/// What a buddy allocator has. In C++ write `struct metes_buddy_stats`: the function of that name hides the type.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MetesBuddyStats {
    /// Bytes that can be handed out: the range without what is too small for a block at its ends.
    pub total: usize,
    /// Bytes of them that are free.
    pub free: usize,
    /// Bytes of the largest free block.
    pub largest_free: usize,
    /// Bytes of the smallest block.
    pub min_block: usize,
    /// Bytes of the largest block.
    pub max_block: usize,
    /// Free blocks of each order.
    pub free_blocks: [usize; 37],
}

/// # Safety
/// A buddy allocator is there.
#[inline(always)]
unsafe fn handle<'a>(buddy: *const MetesBuddy) -> &'a Handle {
    // SAFETY: the caller's promise.
    unsafe { &(*buddy).0 }
}

/// # Safety
/// As many bytes as its first word says, or null.
unsafe fn options_of(options: *const MetesBuddyOptions) -> (usize, Options) {
    let size = size_of::<MetesBuddyOptions>();
    let mut known = MetesBuddyOptions {
        size,
        min_block: 0,
        max_block: 0,
        shared: 0,
        offsets: 0,
        control: null_mut(),
        control_bytes: 0,
    };
    // What the caller's header does not have stays 0.
    if !options.is_null() {
        // SAFETY: the caller's promise.
        unsafe {
            let bytes = (*options).size.min(size);
            (&raw mut known).cast::<u8>().copy_from_nonoverlapping(options.cast(), bytes);
            known.size = (*options).size;
        }
    }
    let MetesBuddyOptions { size, min_block, max_block, shared, offsets, control, control_bytes } = known;
    let control = control.expose_provenance();
    (size, Options { min_block, max_block, shared, offsets, control, control_bytes })
}

/// Makes a buddy allocator over the `bytes` bytes at `range`, or, if that is NULL, over as many of malloc's. Any
/// number of bytes will do. Each block's address is a multiple of its size; of offsets the same is true. NULL for
/// `options` means all defaults. Returns NULL with EINVAL in errno when something is not valid, and a line on
/// standard error says what is, or with ENOMEM.
///
/// # Safety
/// `range` and the options' `control` are nobody else's until the allocator was destroyed, and `options` is NULL or
/// has as many bytes as its `size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_new(
    range: *mut c_void,
    bytes: usize,
    options: *const MetesBuddyOptions,
) -> *mut MetesBuddy {
    // SAFETY: the caller's promise.
    let made = unsafe {
        let (size, options) = options_of(options);
        Handle::create(range.expose_provenance(), bytes, size, &options)
    };
    made.map_or(null_mut(), |buddy| buddy.as_ptr().cast())
}

/// How many bytes the options' `control` has to have for `metes_buddy_new` with the same arguments; a range of
/// malloc's may take as many again. 0 with EINVAL when something is not valid.
///
/// # Safety
/// `options` is NULL or has as many bytes as its `size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_control_bytes(
    range: *mut c_void,
    bytes: usize,
    options: *const MetesBuddyOptions,
) -> usize {
    // SAFETY: the caller's promise.
    let (size, options) = unsafe { options_of(options) };
    handle::needed(range.addr(), bytes, size, &options)
}

/// Gives back what malloc has served for it. NULL is fine. A range and a control block of the caller's stay the
/// caller's.
///
/// # Safety
/// Nothing of the allocator is used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_destroy(buddy: *mut MetesBuddy) {
    if let Some(buddy) = NonNull::new(buddy) {
        // SAFETY: the caller's promise.
        unsafe { Handle::destroy(buddy.cast()) };
    }
}

/// The lowest free block of the smallest size that has at least `bytes` bytes. No bytes have a block of their own,
/// too. NULL and ENOMEM if there is none, NULL and EINVAL of an allocator of offsets.
///
/// cbindgen:postfix=METES_ALLOC(2)
///
/// # Safety
/// `buddy` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_alloc(buddy: *mut MetesBuddy, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { handle(buddy) }.alloc(bytes).cast()
}

/// The same for an order: blocks of order 0 are the smallest, and each order's are twice as large as those of the one
/// before.
///
/// # Safety
/// `buddy` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_alloc_order(buddy: *mut MetesBuddy, order: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { handle(buddy) }.alloc_order(order).cast()
}

/// Takes a block back. NULL is fine. A pointer to what is no block that is out is reported: M001, M003 or M004.
///
/// # Safety
/// `buddy` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_free(buddy: *mut MetesBuddy, block: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { handle(buddy) }.free(block.cast());
}

/// How many bytes a block has; 0 for NULL. Reports as `metes_buddy_free`, with M002 for a block that is free.
///
/// # Safety
/// `buddy` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_usable_size(buddy: *const MetesBuddy, block: *mut c_void) -> usize {
    // SAFETY: the caller's promise.
    unsafe { handle(buddy) }.usable(block.cast())
}

/// Makes a block one for `bytes` bytes: where it is, if it becomes smaller or the blocks behind it are free, else
/// elsewhere. NULL is as `metes_buddy_alloc`. NULL and ENOMEM if there is no such block: then the old one stays.
///
/// # Safety
/// `buddy` is one, and the block the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_realloc(buddy: *mut MetesBuddy, block: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { handle(buddy).realloc(block.cast(), bytes) }.cast()
}

/// As `metes_buddy_alloc`, but returns how far from the start of the range the block is, and `(size_t)-1` if there is
/// none. Memory is not touched.
///
/// # Safety
/// `buddy` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_alloc_offset(buddy: *mut MetesBuddy, bytes: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe { handle(buddy) }.alloc_offset(bytes).unwrap_or(usize::MAX)
}

/// Takes back the block at an offset. Reports as `metes_buddy_free`.
///
/// # Safety
/// `buddy` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_free_offset(buddy: *mut MetesBuddy, offset: usize) {
    // SAFETY: the caller's promise.
    unsafe { handle(buddy) }.free_offset(offset);
}

/// Frees all blocks at once.
///
/// # Safety
/// `buddy` is one, and nobody uses a block of it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_reset(buddy: *mut MetesBuddy) {
    // SAFETY: the caller's promise.
    unsafe { handle(buddy) }.reset();
}

/// Checks every invariant of the allocator. Returns NULL if all hold, else a text that names the first broken one.
/// Static.
///
/// # Safety
/// `buddy` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_check(buddy: *const MetesBuddy) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { handle(buddy) }.buddy().check().err().map_or(null(), CStr::as_ptr)
}

/// Writes the statistics to `out`, of which the caller says how many bytes there are: `sizeof(struct
/// metes_buddy_stats)`. A library newer than the header writes no more than that. Returns how many bytes it wrote.
///
/// # Safety
/// `buddy` is one, and `out` valid for writes of `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_buddy_stats(buddy: *const MetesBuddy, out: *mut MetesBuddyStats, size: usize) -> usize {
    // SAFETY: the caller's promise.
    let buddy = unsafe { handle(buddy) }.buddy();
    let (stats, layout) = (buddy.stats(), buddy.layout());
    let now = MetesBuddyStats {
        total: stats.total,
        free: stats.free,
        largest_free: stats.largest_free,
        min_block: layout.bytes(0),
        max_block: layout.bytes(layout.top),
        free_blocks: stats.free_blocks,
    };
    let bytes = size.min(size_of::<MetesBuddyStats>());
    // SAFETY: the caller's promise.
    unsafe { out.cast::<u8>().copy_from_nonoverlapping((&raw const now).cast(), bytes) };
    bytes
}
