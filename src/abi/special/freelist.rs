//! `metes_freelist_*`: free lists over a buffer of the caller's.

#![allow(unsafe_code)]

use crate::heap::free_list::Fit;
use crate::special::freelist::{Figures, List};
use crate::sys::errno::set_errno;
use crate::trace::report;
use core::ffi::{c_char, c_int, c_void};
use core::ptr::{NonNull, null, null_mut};

/// A free list: an address-ordered, coalescing heap in a buffer of the caller's, at whose start its control block is.
/// One thread at a time uses it.
pub struct MetesFreelist(());

/// The smallest block that fits serves a request; of those of more than some KiB that with the lowest address. The
/// default.
pub const METES_FIT_BEST: u32 = 0;
/// The block with the lowest address that fits.
pub const METES_FIT_FIRST: u32 = 1;
/// The largest block; of these that with the lowest address.
pub const METES_FIT_WORST: u32 = 2;

/// How a free list is made. All zero but `size` is the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MetesFreelistOptions {
    /// `sizeof(struct metes_freelist_options)`.
    pub size: usize,
    /// Which free block serves a request: `METES_FIT_BEST`, `METES_FIT_FIRST` or `METES_FIT_WORST`.
    pub fit: u32,
    /// Not 0 if other processes use the list too, or if the buffer is copied while blocks are in use: valgrind is
    /// told nothing of the list then.
    pub shared: u32,
}

/// What a free list holds, in bytes and blocks.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct MetesFreelistStats {
    /// The list's bytes, its control block included.
    pub bytes: usize,
    /// Bytes in blocks in use, with 8 more for each.
    pub live: usize,
    /// Blocks in use.
    pub blocks: usize,
    /// Bytes in free blocks, with 8 more for each.
    pub free: usize,
    /// Free blocks.
    pub free_blocks: usize,
    /// The largest request that can be served.
    pub largest: usize,
    /// The most `live` has been.
    pub peak: usize,
}

/// Called for a block of `bytes` usable bytes; `in_use` is 1, or 0 for a free block, whose bytes are the list's.
/// Other than 0 ends the walk.
pub type MetesFreelistVisitor =
    Option<unsafe extern "C" fn(argument: *mut c_void, block: *mut c_void, bytes: usize, in_use: c_int) -> c_int>;

/// The list that a handle leads to.
///
/// # Safety
/// It is one, and no other thread uses it meanwhile.
#[inline]
unsafe fn of(list: *const MetesFreelist) -> List {
    // SAFETY: the caller's promise; a handle is the buffer's address.
    unsafe { List::at(NonNull::new_unchecked(list.cast_mut().cast())) }
}

fn given(block: Option<NonNull<u8>>) -> *mut c_void {
    block.map_or(null_mut(), |block| block.as_ptr().cast())
}

fn fail<T>(result: T) -> T {
    set_errno(libc::EINVAL);
    result
}

fn refuse(what: core::fmt::Arguments<'_>) -> *mut MetesFreelist {
    report::say(format_args!("metes_freelist_init: {what}"));
    fail(null_mut())
}

/// Makes a free list in `buffer`, which is aligned to 16 bytes and has at least 256; what was there is lost. The list
/// is the buffer's address. NULL with EINVAL, and a line on standard error, if that cannot be. Memory-mapped, in
/// shared memory or in a file, the buffer may be used by other processes, at other addresses, see
/// `metes_freelist_attach`; there the lock has to be one between processes.
///
/// # Safety
/// The buffer must have `bytes` bytes, which nobody else uses, for as long as the list is used. `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_init(
    buffer: *mut c_void,
    bytes: usize,
    options: *const MetesFreelistOptions,
) -> *mut MetesFreelist {
    let mut chosen = MetesFreelistOptions { size: 0, fit: METES_FIT_BEST, shared: 0 };
    if !options.is_null() {
        // SAFETY: the caller's options have as many bytes as they say.
        unsafe {
            let size = (*options).size;
            if size < size_of::<usize>() {
                return refuse(format_args!("options.size is {size}; valid is sizeof(struct metes_freelist_options)"));
            }
            let size = size.min(size_of::<MetesFreelistOptions>());
            (&raw mut chosen).cast::<u8>().copy_from_nonoverlapping(options.cast(), size);
        }
    }
    let fit = match chosen.fit {
        METES_FIT_BEST => Fit::Best,
        METES_FIT_FIRST => Fit::First,
        METES_FIT_WORST => Fit::Worst,
        fit => {
            return refuse(format_args!("options.fit is {fit}; valid are METES_FIT_BEST, _FIRST and _WORST, 0 to 2"));
        }
    };
    let Some(start) = NonNull::new(buffer.cast::<u8>()) else { return refuse(format_args!("the buffer is NULL")) };
    // SAFETY: the caller's promise.
    match unsafe { List::init(start, bytes, fit, chosen.shared != 0) } {
        Some(_) => buffer.cast(),
        None => refuse(format_args!(
            "the buffer at {buffer:p} has {bytes} bytes; valid are 256 and more, aligned to 16 bytes"
        )),
    }
}

/// The free list that is in a buffer of `bytes` bytes: made by another process, or here before the buffer was copied,
/// written to a file, mapped again. NULL with EINVAL if there is none. Otherwise errno is 0, or EOWNERDEAD if a
/// process ended inside an operation: then only `metes_freelist_check`, `metes_freelist_unfinished` and
/// `metes_freelist_recover` may be called until it is recovered.
///
/// # Safety
/// As for `metes_freelist_init`, but that lists attached to the same memory may use it, one call at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_attach(buffer: *mut c_void, bytes: usize) -> *mut MetesFreelist {
    let Some(start) = NonNull::new(buffer.cast::<u8>()) else { return fail(null_mut()) };
    // SAFETY: the caller's promise.
    let Some(list) = (unsafe { List::attach(start, bytes) }) else { return fail(null_mut()) };
    set_errno(if list.unfinished().is_some() { libc::EOWNERDEAD } else { 0 });
    buffer.cast()
}

/// A block of `bytes` bytes, aligned to 16. NULL with ENOMEM if there is none. A size of 0 gives a block too.
///
/// # Safety
/// It must be a free list, used by one thread at a time.
/// cbindgen:postfix=METES_ALLOC(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_malloc(list: *mut MetesFreelist, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    given(unsafe { of(list) }.malloc(bytes))
}

/// A block of `count` times `bytes` bytes, all zero. NULL with ENOMEM if there is none, or if that is more than there
/// are numbers.
///
/// # Safety
/// It must be a free list, used by one thread at a time.
/// cbindgen:postfix=METES_ALLOC2(2, 3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_calloc(list: *mut MetesFreelist, count: usize, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    given(unsafe { of(list) }.calloc(count, bytes))
}

/// A block of `bytes` bytes at an address that is a multiple of `alignment`, a power of two. NULL with EINVAL if that
/// is none, with ENOMEM if there is no block. Where the buffer is mapped or copied elsewhere the alignment holds as
/// far as both places share it.
///
/// # Safety
/// It must be a free list, used by one thread at a time.
/// cbindgen:postfix=METES_ALIGNED(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_aligned_alloc(
    list: *mut MetesFreelist,
    alignment: usize,
    bytes: usize,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    given(unsafe { of(list) }.aligned_alloc(alignment, bytes))
}

/// Makes a block have `bytes` bytes: where it is, if there is room, else elsewhere, where its bytes move. NULL with
/// ENOMEM if there is no memory: then the block is as it was. Of NULL it is `metes_freelist_malloc`. A size of 0
/// makes the block as small as one can be. What is no block in use is reported.
///
/// # Safety
/// It must be a free list, used by one thread at a time, and nothing may use the block's old place if there is a new
/// one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_realloc(
    list: *mut MetesFreelist,
    block: *mut c_void,
    bytes: usize,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    let list = unsafe { of(list) };
    given(match NonNull::new(block.cast()) {
        // SAFETY: the same.
        Some(block) => unsafe { list.realloc(block, bytes) },
        None => list.malloc(bytes),
    })
}

/// Gives a block back. NULL does nothing. What is no block in use is reported.
///
/// # Safety
/// It must be a free list, used by one thread at a time, and nothing may use the block any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_free(list: *mut MetesFreelist, block: *mut c_void) {
    if let Some(block) = NonNull::new(block.cast()) {
        // SAFETY: the caller's promise.
        unsafe { of(list).free(block) };
    }
}

/// How many bytes a block has, at least those asked for; 0 for NULL. What is no block in use is reported.
///
/// # Safety
/// It must be a free list, used by one thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_usable_size(list: *mut MetesFreelist, block: *mut c_void) -> usize {
    // SAFETY: the caller's promise.
    NonNull::new(block.cast()).map_or(0, |block| unsafe { of(list) }.usable_size(block))
}

/// The offset of an address from the list's start, which is the same in every process. 0 for NULL; 0 with EINVAL for
/// what is outside the buffer.
///
/// # Safety
/// It must be a free list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_offset(list: *const MetesFreelist, address: *const c_void) -> usize {
    if address.is_null() {
        return 0;
    }
    // SAFETY: the caller's promise.
    unsafe { of(list) }.offset(address.addr()).unwrap_or_else(|| fail(0))
}

/// The address in this process of what is at an offset. NULL for 0; NULL with EINVAL for what is outside the buffer.
///
/// # Safety
/// It must be a free list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_pointer(list: *const MetesFreelist, offset: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    match unsafe { of(list) }.pointer(offset) {
        None if offset != 0 => fail(null_mut()),
        found => given(found),
    }
}

/// 1 if a block in use starts there, else 0. Nothing is reported.
///
/// # Safety
/// It must be a free list, used by one thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_owns(list: *const MetesFreelist, address: *const c_void) -> c_int {
    // SAFETY: the caller's promise.
    c_int::from(unsafe { of(list) }.owns(address.addr()))
}

/// Calls `visitor` with each block in the order of addresses. Returns 0 when all have been visited, what the visitor
/// returned if that was not 0, or -1 with EINVAL where a header is damaged. The visitor must not change the list.
///
/// # Safety
/// It must be a free list, used by one thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_walk(
    list: *const MetesFreelist,
    visitor: MetesFreelistVisitor,
    argument: *mut c_void,
) -> c_int {
    let Some(visitor) = visitor else { return fail(-1) };
    let mut result = 0;
    // SAFETY: the caller's promise.
    let done = unsafe { of(list) }.walk(|block, bytes, in_use| {
        // SAFETY: the caller's function.
        result = unsafe { visitor(argument, block.as_ptr().cast(), bytes, c_int::from(in_use)) };
        result == 0
    });
    if done { result } else { fail(-1) }
}

/// Writes what the list holds to `out`, of which the caller says how many bytes there are: `sizeof(struct
/// metes_freelist_stats)`. Returns how many bytes it wrote; 0 with EINVAL if the list cannot be used.
///
/// # Safety
/// It must be a free list, used by one thread at a time, and `out` must be valid for writes of `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_stats(
    list: *const MetesFreelist,
    out: *mut MetesFreelistStats,
    size: usize,
) -> usize {
    // SAFETY: the caller's promise.
    let Some(figures) = (unsafe { of(list).figures() }) else { return 0 };
    let Figures { bytes, live, blocks, free, free_blocks, largest, peak } = figures;
    let now = MetesFreelistStats { bytes, live, blocks, free, free_blocks, largest, peak };
    let size = size.min(size_of::<MetesFreelistStats>());
    // SAFETY: the caller's promise.
    unsafe { out.cast::<u8>().copy_from_nonoverlapping((&raw const now).cast(), size) };
    size
}

/// Checks every invariant: each header and tag, the index of free blocks, the figures, and that no operation was left
/// unfinished. NULL if all hold, else a static text that names the first that does not. Whatever is in the buffer,
/// nothing outside of it is read, and the check ends.
///
/// # Safety
/// The buffer must be there, used by one thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_check(list: *const MetesFreelist) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { of(list) }.check().map_or(null(), |(what, _)| what.as_ptr().cast())
}

/// The name of the function in which a process has ended, such as "metes_freelist_free"; NULL if none has. Static.
///
/// # Safety
/// It must be a free list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_unfinished(list: *const MetesFreelist) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { of(list) }.unfinished().map_or(null(), |call| call.c_name().as_ptr())
}

/// Makes a list whole in which a process has ended: the index, tags and figures are made anew from the headers. The
/// block that the process was getting may be lost, and the one that it was giving back may still be in use. Returns
/// 0, or -1 with EINVAL, and changes nothing, if a header is damaged: `metes_freelist_check` says what.
///
/// # Safety
/// The buffer must be there, and nobody else may use it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_recover(list: *mut MetesFreelist) -> c_int {
    // SAFETY: the caller's promise.
    if unsafe { of(list) }.recover() { 0 } else { fail(-1) }
}

/// Says that the buffer has `bytes` bytes now, more than before. Fewer than 48 more may stay unused until more come.
/// Returns 0, or -1 with EINVAL if they are fewer than before.
///
/// # Safety
/// It must be a free list, used by one thread at a time, and the buffer must have as many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_freelist_grow(list: *mut MetesFreelist, bytes: usize) -> c_int {
    // SAFETY: the caller's promise.
    if unsafe { of(list) }.grow(bytes) { 0 } else { fail(-1) }
}
