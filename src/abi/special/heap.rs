//! The C API of heaps that a program makes by name.

#![allow(unsafe_code)]

use crate::base::config::GRAIN;
use crate::base::pointer;
use crate::compartment::options::{Memory, Options};
use crate::compartment::table::Handle;
use crate::debug::check;
use crate::heap::free_list::Fit;
use crate::special::{heap, tags};
use crate::sys::errno;
use crate::trace::report;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{NonNull, null, null_mut};

/// A heap of its own. A handle is no address: that of a destroyed heap is never that of another one.
pub struct MetesHeap {
    _private: (),
}

/// How a heap is to be. Set `size` to `sizeof(struct metes_heap_options)` and all else to 0, then what is to differ.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MetesHeapOptions {
    /// Bytes of this struct, as the caller knows it.
    pub size: usize,
    /// What reports call the heap: up to 31 bytes are kept. NULL: it has no name.
    pub name: *const c_char,
    /// The most bytes that blocks in use may have, 8 bytes of header for each included. 0: no limit.
    pub limit: usize,
    /// Which free block serves a request: 0, the smallest that fits; 1, the lowest in address that fits; 2, the
    /// largest.
    pub fit: c_int,
    /// Other than 0: one thread alone uses the heap at a time, and no lock is taken.
    pub single_threaded: c_int,
    /// 0: the checks that the process has; 1: full. Each block is exact then: `metes_heap_usable_size` is what was
    /// asked for, one byte too many is reported when the block is freed or the heap is checked, reset or destroyed, and
    /// what is freed is filled. It costs 8 bytes a block, and time.
    pub checks: c_int,
    /// Other than 0: 64 KiB that nobody can touch stand before and behind each range of the heap. A run beyond it is
    /// reported by the heap's name.
    pub guard_pages: c_int,
    /// Bytes of the one range of addresses that the heap has, rounded up to 64 KiB, at most 32 GiB: it never has
    /// another one. 0: it gets ranges as it grows.
    pub reserve: usize,
    /// Memory of the caller's that the heap is to use instead: it never maps any. Of that it uses the whole units of
    /// 64 KiB, aligned to 64 KiB. It must not be in a block of malloc's below 256 KiB, and is the caller's again once
    /// the heap is destroyed. NULL: memory of the heap's own.
    pub memory: *mut c_void,
    /// Bytes of `memory`.
    pub memory_size: usize,
}

/// What a heap holds and has served.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct MetesHeapStats {
    /// Bytes of blocks in use, 8 bytes of header for each included.
    pub live: usize,
    /// The most `live` has been.
    pub peak: usize,
    /// Blocks in use.
    pub blocks: usize,
    /// Bytes of address space.
    pub held: usize,
    /// Calls that allocated.
    pub mallocs: u64,
    /// Calls that freed.
    pub frees: u64,
    /// Bytes that the largest free block could serve.
    pub largest_free: usize,
    /// The most `live` may be; `SIZE_MAX` if there is no limit.
    pub limit: usize,
}

pub(super) fn handle(heap: *const MetesHeap) -> Handle {
    Handle(heap.addr())
}

fn pointer_of(handle: Handle) -> *mut MetesHeap {
    core::ptr::without_provenance_mut(handle.0)
}

fn refuse() -> *mut MetesHeap {
    errno::set_errno(libc::EINVAL);
    null_mut()
}

/// Where the memory comes from, as the options say; or what is wrong with them.
fn memory(given: &MetesHeapOptions) -> Result<Memory, &'static str> {
    if given.memory.is_null() {
        return Memory::reserved(given.reserve).ok_or("reserve is more than 32 GiB");
    }
    if given.reserve != 0 || given.guard_pages != 0 {
        return Err("memory is the caller's, and cannot be had with reserve or guard_pages");
    }
    let (start, len) = heap::units_in(pointer::expose(given.memory), given.memory_size)?;
    Ok(Memory::Given(start, len))
}

/// Makes a heap. NULL for `options` means all defaults: shared by threads, no limit, best fit. Returns NULL with
/// ENOMEM if there is no memory, and with EINVAL if an option is not valid: then a line on standard error names it.
/// Thread-safe. A heap without blocks costs about 1 KiB; the first block adds 64 KiB of address space, or as much as
/// the last heaps needed, up to 512 KiB, of which the pages that are touched count.
///
/// # Safety
/// `options` is NULL, or has `size` bytes; its name is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_heap_new(options: *const MetesHeapOptions) -> *mut MetesHeap {
    let mut given = MetesHeapOptions {
        size: 0,
        name: null(),
        limit: 0,
        fit: 0,
        single_threaded: 0,
        checks: 0,
        guard_pages: 0,
        reserve: 0,
        memory: null_mut(),
        memory_size: 0,
    };
    if !options.is_null() {
        // SAFETY: the caller's promise: the size is the first field.
        unsafe {
            let bytes = options.cast::<usize>().read().min(size_of::<MetesHeapOptions>());
            (&raw mut given).cast::<u8>().copy_from_nonoverlapping(options.cast(), bytes);
        }
        if given.size < size_of::<usize>() {
            report::say(format_args!(
                "metes_heap_new: size is {}: it must be sizeof(struct metes_heap_options)",
                given.size
            ));
            return refuse();
        }
    }
    let fit = match given.fit {
        0 => Fit::Best,
        1 => Fit::First,
        2 => Fit::Worst,
        other => {
            report::say(format_args!("metes_heap_new: fit is {other}: valid are 0 (best), 1 (first) and 2 (worst)"));
            return refuse();
        }
    };
    if !matches!(given.checks, 0 | 1) {
        report::say(format_args!(
            "metes_heap_new: checks is {}: valid are 0 (the process's) and 1 (full)",
            given.checks
        ));
        return refuse();
    }
    let fenced = given.guard_pages != 0;
    let memory = match memory(&given) {
        Ok(memory) => memory,
        Err(why) => {
            report::say(format_args!("metes_heap_new: {why}"));
            return refuse();
        }
    };
    // SAFETY: the caller's promise.
    let name = if given.name.is_null() { &[] } else { unsafe { CStr::from_ptr(given.name) }.to_bytes() };
    let limit = if given.limit == 0 { usize::MAX } else { given.limit };
    let (single, exact) = (given.single_threaded != 0, given.checks == 1);
    let options = Options { fit, limit, single, name, exact, fenced, memory, internal: false };
    heap::make(&options).map_or(null_mut(), pointer_of)
}

/// Destroys a heap: all its blocks are gone at once, whatever is out. Its memory cannot be touched until it is used
/// again: a late access or a late free is reported by name. NULL does nothing. May be called by any thread; a heap
/// with `single_threaded` must not be in use by another one.
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_destroy(heap: *mut MetesHeap) {
    if !heap.is_null() {
        heap::destroy(handle(heap));
    }
}

/// `bytes` bytes of the heap, aligned to 16. Returns NULL with ENOMEM if there is no memory, or the heap's limit
/// would be passed. Thread-safe unless the heap is for a single thread; not for signal handlers.
///
/// cbindgen:postfix=METES_ALLOC(2)
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_malloc(heap: *mut MetesHeap, bytes: usize) -> *mut c_void {
    heap::malloc(handle(heap), bytes, GRAIN).cast()
}

/// As `metes_heap_malloc`, of `count` times `bytes` bytes that are zero.
///
/// cbindgen:postfix=METES_ALLOC2(2, 3)
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_calloc(heap: *mut MetesHeap, count: usize, bytes: usize) -> *mut c_void {
    heap::calloc(handle(heap), count.saturating_mul(bytes)).cast()
}

/// As `metes_heap_malloc`, aligned to `align`, a power of two; else it returns NULL with EINVAL.
///
/// cbindgen:postfix=METES_ALLOC(3) METES_ALIGNED(2)
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_aligned_alloc(heap: *mut MetesHeap, align: usize, bytes: usize) -> *mut c_void {
    if !align.is_power_of_two() {
        errno::set_errno(libc::EINVAL);
        return null_mut();
    }
    heap::malloc_aligned(handle(heap), bytes, align.max(GRAIN)).cast()
}

/// As `metes_heap_malloc`; `usable`, unless it is NULL, receives how many bytes may be used, `bytes` or a few more.
///
/// # Safety
/// `usable` is NULL, or valid for a write.
///
/// cbindgen:postfix=METES_MUST_USE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_heap_malloc_at_least(
    heap: *mut MetesHeap,
    bytes: usize,
    usable: *mut usize,
) -> *mut c_void {
    let p = heap::malloc_aligned(handle(heap), bytes, GRAIN);
    if !usable.is_null() {
        let size = heap::usable_size(handle(heap), p);
        // SAFETY: the caller's promise.
        unsafe { usable.write(size) };
    }
    p.cast()
}

/// Makes a block of the heap larger or smaller, as `realloc` does. The block stays in its heap.
///
/// # Safety
/// Unless it fails, nothing may use the old block any more. A pointer that is no block of the heap is reported, not
/// followed.
///
/// cbindgen:postfix=METES_MUST_USE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_heap_realloc(heap: *mut MetesHeap, p: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { heap::realloc(handle(heap), p.cast(), bytes).cast() }
}

/// A copy of a string, in the heap.
///
/// # Safety
/// `text` is a string.
///
/// cbindgen:postfix=METES_MUST_USE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_heap_strdup(heap: *mut MetesHeap, text: *const c_char) -> *mut c_char {
    // SAFETY: the caller's promise.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes_with_nul();
    let p = heap::malloc_aligned(handle(heap), bytes.len(), GRAIN);
    if !p.is_null() {
        // SAFETY: a new block of so many bytes.
        unsafe { p.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }
    p.cast()
}

/// Frees a block of the heap; NULL does nothing. A block of another heap is reported with both names. `free` works on
/// it too.
///
/// # Safety
/// Nothing may use the block any more. A pointer that is no block of the heap is reported, not followed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_heap_free(heap: *mut MetesHeap, p: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { heap::free(handle(heap), p.cast()) };
}

/// The bytes that may be used of a block of the heap; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_usable_size(heap: *mut MetesHeap, p: *mut c_void) -> usize {
    heap::usable_size(handle(heap), p.cast())
}

/// Has all that the calling thread allocates come from the heap until `metes_heap_leave`: malloc, calloc, `operator
/// new` and the others, in whatever code. Blocks that were there stay where they are, also through realloc. Nests, up
/// to eight deep. Calls of malloc and free take longer meanwhile. Returns 0, or -1 with ENOTSUP in errno where the
/// scopes are too deep, in a signal handler that has interrupted malloc, and where threads have no caches
/// (`checks=full`, `debug=1`, `caches=off`) and 64 others are in scopes. The scope ends with the thread. What libraries keep of what they allocate in it, a stdio buffer for instance, goes with the
/// heap.
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_enter(heap: *mut MetesHeap) -> c_int {
    if heap::enter(handle(heap)) {
        return 0;
    }
    errno::set_errno(libc::ENOTSUP);
    -1
}

/// Ends the calling thread's innermost `metes_heap_enter`. Returns 0, or -1 with EINVAL in errno, and nothing was
/// done, if that was not of this heap.
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_leave(heap: *mut MetesHeap) -> c_int {
    if heap::leave(handle(heap)) {
        return 0;
    }
    errno::set_errno(libc::EINVAL);
    -1
}

/// The heap of a tag: one for each name in the process, made at the first call, of which up to 31 bytes count. It
/// stays for good: it may not be destroyed. Returns NULL with ENOMEM if there is no memory, or there are 256 tags.
/// Thread-safe.
///
/// # Safety
/// `name` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_tag(name: *const c_char) -> *mut MetesHeap {
    // SAFETY: the caller's promise.
    tags::tag(unsafe { CStr::from_ptr(name) }.to_bytes()).map_or(null_mut(), pointer_of)
}

/// Has all that the calling thread allocates count for a tag until `metes_tag_pop`: it comes from the tag's heap, whose
/// figures are exact, whichever thread frees the blocks. As `metes_heap_enter(metes_tag(name))`.
///
/// # Safety
/// `name` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_tag_push(name: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    if tags::push(unsafe { CStr::from_ptr(name) }.to_bytes()) {
        return 0;
    }
    errno::set_errno(libc::ENOTSUP);
    -1
}

/// Ends the calling thread's innermost `metes_tag_push` or `metes_heap_enter`. Returns 0, or -1 with EINVAL in errno
/// if it is in none.
#[unsafe(no_mangle)]
pub extern "C" fn metes_tag_pop() -> c_int {
    if tags::pop() {
        return 0;
    }
    errno::set_errno(libc::EINVAL);
    -1
}

/// The heap whose memory an address is in; NULL if it is in none that the program has made and not destroyed.
/// Thread-safe, takes no lock.
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_of(p: *const c_void) -> *mut MetesHeap {
    heap::of(p.addr()).map_or(null_mut(), pointer_of)
}

/// Whether an address is in the heap's memory: 1 or 0. Thread-safe, takes no lock.
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_owns(heap: *mut MetesHeap, p: *const c_void) -> c_int {
    c_int::from(heap::of(p.addr()) == Some(handle(heap)))
}

/// Frees all blocks of the heap at once. Its memory stays for the next ones.
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_reset(heap: *mut MetesHeap) {
    heap::reset(handle(heap));
}

/// Gives the heap's free pages back to the operating system. Returns about how many bytes that were.
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_purge(heap: *mut MetesHeap) -> usize {
    heap::purge(handle(heap))
}

/// Writes what the heap holds to `out`, of which the caller says how many bytes there are: `sizeof(struct
/// metes_heap_stats)`. Returns how many bytes it wrote; 0 if the heap is not live.
///
/// # Safety
/// `out` must be valid for writes of `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_heap_stats(heap: *mut MetesHeap, out: *mut MetesHeapStats, size: usize) -> usize {
    let Some(figures) = heap::figures(handle(heap)) else { return 0 };
    let now = MetesHeapStats {
        live: figures.live,
        peak: figures.peak,
        blocks: figures.blocks,
        held: figures.held,
        mallocs: figures.mallocs,
        frees: figures.frees,
        largest_free: figures.largest_free,
        limit: figures.limit,
    };
    let bytes = size.min(size_of::<MetesHeapStats>());
    // SAFETY: the caller's promise.
    unsafe { out.cast::<u8>().copy_from_nonoverlapping((&raw const now).cast(), bytes) };
    bytes
}

/// Checks every invariant of the heap: each header, the free list, the quick lists, the counts. Returns NULL if all
/// hold, else a text as `metes_check` does.
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_check(heap: *mut MetesHeap) -> *const c_char {
    match heap::check(handle(heap)) {
        Ok(()) => null(),
        Err((what, address)) => {
            super::super::metes::text_of(&check::describe(crate::heap::check::Broken { what, address }))
        }
    }
}

/// Called with each block: see `metes_heap_walk`. It returns other than 0 to stop.
pub type MetesHeapVisitor = Option<extern "C" fn(block: *mut c_void, usable: usize, argument: *mut c_void) -> c_int>;

/// Calls `visit` with each block in use of the heap, the bytes that may be used of it, and `argument`, until it
/// returns other than 0. `visit` may neither allocate nor free, from whatever heap.
#[unsafe(no_mangle)]
pub extern "C" fn metes_heap_walk(heap: *mut MetesHeap, visit: MetesHeapVisitor, argument: *mut c_void) {
    if let Some(visit) = visit {
        let mut each = |block: NonNull<u8>, usable| visit(block.as_ptr().cast(), usable, argument) == 0;
        heap::walk(handle(heap), &mut each);
    }
}
