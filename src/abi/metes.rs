//! The C API of metes itself, from which `include/metes.h` is made.

#![allow(unsafe_code)]

use crate::base::line::Line;
use crate::base::operation::Operation;
use crate::base::pointer;
use crate::cache::threads;
use crate::debug::check;
use crate::front::control::{self, Format};
use crate::front::{stats, tuning};
use crate::process::option_keys;
use crate::process::start;
use crate::route::oom;
use crate::sys::errno;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicU8, Ordering};

const TEXT_MAX: usize = 160;
static TEXT: [AtomicU8; TEXT_MAX] = [const { AtomicU8::new(0) }; TEXT_MAX];

/// Checks every invariant of the allocator: each block's header and boundary tag, the free lists,
/// the page map, the mappings, the counts. Returns NULL if all hold, else a text that names the
/// first broken one and where it is. The text stays valid until the next failing check writes over
/// it. Takes time in proportion to the number of blocks. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn metes_check() -> *const c_char {
    match check::check() {
        Ok(()) => core::ptr::null(),
        Err(broken) => text_of(&check::describe(broken)),
    }
}

/// A text that stays valid until the next one is written over it.
pub(super) fn text_of(text: &Line<128>) -> *const c_char {
    let bytes = text.as_str().as_bytes().iter().chain(&[0]);
    TEXT.iter().zip(bytes).for_each(|(to, &from)| to.store(from, Ordering::Relaxed));
    TEXT.as_ptr().cast()
}

/// The version of the library that runs, such as "0.1.0". The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn metes_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Gives as much free memory as it can back to the operating system, and returns about how many bytes. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn metes_purge() -> usize {
    start::ensure();
    tuning::trim()
}

/// Changes an option while the program runs, as `METES_OPTIONS` sets it at the start: `guard`,
/// `cutoff`, `dirty_max`, `arenas` or `profile`. Returns 0, or -1 with EINVAL in errno if the name or the value
/// is bad. Then a line on standard error says what is valid. Thread-safe, but not for signal handlers.
///
/// # Safety
/// Both must be C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_option_set(name: *const c_char, value: *const c_char) -> c_int {
    start::ensure();
    // SAFETY: the caller's promise.
    let text = |text: *const c_char| unsafe { CStr::from_ptr(text) }.to_str();
    let done = match (text(name), text(value)) {
        (Ok(name), Ok(value)) => tuning::change(name, value),
        _ => false,
    };
    if done {
        return 0;
    }
    errno::set_errno(libc::EINVAL);
    -1
}

/// Called when `bytes` bytes cannot be had, with no lock held. Returns other than 0 if it has freed
/// something and the request is to be tried again. With 0 the request fails: NULL and ENOMEM, or,
/// after the new-handlers, `std::bad_alloc`. See `metes_set_oom_handler`.
pub type MetesOomHandler = Option<extern "C" fn(bytes: usize) -> c_int>;

/// Sets the handler of the process, or none with NULL, and returns the one before. Thread-safe.
///
/// The handler is called by the thread that asked for memory, when freed memory has gone back to the system
/// and the request still cannot be served. It is not called for more bytes than there are addresses, not
/// inside fork, and not if the request comes from a signal handler that interrupted malloc or free. It may
/// call malloc and free. A request of its own that cannot be served fails at once, without another call on
/// that thread. Several threads may be in it at once. It must return: no longjmp, no exception.
#[unsafe(no_mangle)]
pub extern "C" fn metes_set_oom_handler(handler: MetesOomHandler) -> MetesOomHandler {
    oom::set_handler(handler)
}

/// What the allocator has served since the process started, and what it holds now. Calls that
/// failed do not count. A realloc counts as one, whatever it does. In C++ write
/// `struct metes_stats`: the function of that name hides the type.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct MetesStats {
    /// Calls of malloc and operator new.
    pub malloc_calls: u64,
    /// Calls of calloc.
    pub calloc_calls: u64,
    /// Calls of realloc and reallocarray.
    pub realloc_calls: u64,
    /// Calls of all functions that take an alignment.
    pub aligned_calls: u64,
    /// Calls of free and its forms, including operator delete.
    pub free_calls: u64,
    /// Bytes in blocks handed out, without mappings. Small blocks count with their size class,
    /// others with their header.
    pub heap_live: usize,
    /// The most that the heaps have handed out. Slabs count whole, in use or standing ready, so it
    /// is an upper bound of the most that `heap_live` has been.
    pub heap_peak: usize,
    /// Bytes of address space that the heaps hold.
    pub heap_held: usize,
    /// Regions that the heaps hold.
    pub regions: usize,
    /// Free blocks in the heaps.
    pub free_blocks: usize,
    /// Mappings handed out.
    pub mappings: usize,
    /// Bytes of these mappings.
    pub mapping_bytes: usize,
    /// The most that `mapping_bytes` has been.
    pub mapping_peak: usize,
    /// Bytes in thread caches.
    pub cached: usize,
    /// How often the lock of an arena was taken.
    pub locks: u64,
    /// How often a thread had to wait for such a lock.
    pub lock_waits: u64,
    /// Slabs of the heaps.
    pub slabs: usize,
    /// Bytes of these slabs.
    pub slab_bytes: usize,
    /// How many of these slabs serve several sizes.
    pub mixed_slabs: usize,
    /// Bytes of address space from the operating system, including metes' own records. The option `limit` limits them.
    pub mapped: usize,
    /// Arenas that hold memory.
    pub arenas: usize,
}

/// Writes the statistics to `out`, which has room for `size` bytes: `sizeof(struct metes_stats)`. A
/// library newer than the header writes no more than that. Returns how many bytes it wrote. Thread-safe.
///
/// # Safety
/// `out` must be valid for writes of `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stats(out: *mut MetesStats, size: usize) -> usize {
    let stats = stats::stats();
    let call = |operation: Operation| stats.calls[operation as usize];
    let now = MetesStats {
        malloc_calls: call(Operation::Malloc),
        calloc_calls: call(Operation::Calloc),
        realloc_calls: call(Operation::Realloc),
        aligned_calls: call(Operation::Aligned),
        free_calls: call(Operation::Free),
        heap_live: stats.heaps.live,
        heap_peak: stats.heaps.peak,
        heap_held: stats.heaps.held,
        regions: stats.heaps.regions,
        free_blocks: stats.heaps.free_blocks,
        mappings: stats.mappings.count,
        mapping_bytes: stats.mappings.bytes,
        mapping_peak: stats.mappings.peak_bytes,
        cached: stats.cached,
        locks: stats.locks,
        lock_waits: stats.lock_waits,
        slabs: stats.slabs.slabs,
        slab_bytes: stats.slabs.bytes,
        mixed_slabs: stats.slabs.mixed,
        mapped: stats.mapped,
        arenas: stats.arenas,
    };
    let bytes = size.min(size_of::<MetesStats>());
    // SAFETY: the caller's promise.
    unsafe { out.cast::<u8>().copy_from_nonoverlapping((&raw const now).cast(), bytes) };
    bytes
}

/// The value in force of an option of `METES_OPTIONS`: writes as much of it as fits to `value`, with a zero at the end.
/// Returns the length of the whole value, or -1 with EINVAL in errno if there is no such option. Thread-safe.
///
/// # Safety
/// `name` must be a string, and `value` valid for writes of `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_option_get(name: *const c_char, value: *mut c_char, size: usize) -> isize {
    start::ensure();
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) }.to_str();
    let mut length = -1;
    let found = name.is_ok_and(|name| {
        option_keys::value_of(name, |text| {
            length = text.len().cast_signed();
            if let Some(most) = size.checked_sub(1) {
                let n = text.len().min(most);
                // SAFETY: the caller's promise: so many bytes fit.
                unsafe {
                    value.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), n);
                    value.add(n).write(0);
                }
            }
        })
    });
    if !found {
        errno::set_errno(libc::EINVAL);
    }
    length
}

/// Called with each block: see `metes_walk`. It returns other than 0 to stop.
pub type MetesVisitor = Option<extern "C" fn(block: *mut c_void, usable: usize, argument: *mut c_void) -> c_int>;

/// Calls `visit` with each block that the program has, the bytes that may be used of it, and `argument`, until it
/// returns other than 0. Blocks of heaps with `single_threaded` are left out. `visit` may not allocate or free. It
/// empties the caches of threads first. Other threads go on meanwhile: what they allocate or free may be visited or
/// not. Thread-safe; not for signal handlers.
#[unsafe(no_mangle)]
pub extern "C" fn metes_walk(visit: MetesVisitor, argument: *mut c_void) {
    if let Some(visit) = visit {
        control::walk(&mut |address, usable| visit(pointer::at_mut(address), usable, argument) == 0);
    }
}

/// Writes the statistics as one JSON object to a file. Takes no memory. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn metes_stats_json(fd: c_int) {
    control::write_stats(fd, Format::Json);
}

/// Writes the statistics in the text format of Prometheus to a file. Takes no memory. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn metes_stats_prometheus(fd: c_int) {
    control::write_stats(fd, Format::Prometheus);
}

/// Empties the calling thread's cache into its arena: for a thread that is about to sleep for long.
#[unsafe(no_mangle)]
pub extern "C" fn metes_thread_flush() {
    threads::flush_mine();
}
