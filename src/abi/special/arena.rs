//! `metes_arena_*`.

#![allow(unsafe_code)]

use super::heap::{self, MetesHeap};
use crate::base::config::GRAIN;
use crate::special::arena::handle::Handle;
use crate::special::arena::options::Options;
use crate::special::arena::rewind::Mark;
use crate::special::memory::Memory;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{NonNull, null, null_mut};

/// An arena: pieces are cut off its chunks one behind the other, and all are freed at once, by `metes_arena_reset`,
/// `metes_arena_rewind` or
/// `metes_arena_destroy`. One thread at a time may use it.
pub struct MetesArena(Handle);

/// How an arena grows. Set `size`, and what is not to be the default, which zero is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MetesArenaOptions {
    /// `sizeof(struct metes_arena_options)`.
    pub size: usize,
    /// Bytes of the first chunk: 256 and more. 4 KiB by default.
    pub first_chunk: usize,
    /// The most bytes of a chunk, up to which each is twice as large as the one before. 1 MiB by default. What needs
    /// more than the next chunk has gets a chunk of its own.
    pub max_chunk: usize,
    /// The most bytes of chunks at a time, which are never exceeded: 256 and more. None by default.
    pub limit: usize,
    /// The most bytes of chunks that stay after a reset; one chunk always stays. All by default.
    pub keep: usize,
    /// The heap that chunks are from: see `metes_heap_new`. The arena is destroyed before it, or not at all: what was
    /// in it goes with the heap. NULL: malloc.
    pub heap: *mut MetesHeap,
}

/// A position in an arena. In C++ write `struct metes_arena_mark`: the function of that name hides the type.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MetesArenaMark {
    /// The arena's own.
    pub at: *mut c_void,
    /// The arena's own.
    pub serial: u64,
}

/// What an arena has done, and has. In C++ write `struct metes_arena_stats`: the function of that name hides the type.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct MetesArenaStats {
    /// Bytes of pieces, with what their alignment has cost, and the records of marks and cleanups.
    pub used: usize,
    /// The most that `used` has been.
    pub used_peak: usize,
    /// Bytes of chunks.
    pub held: usize,
    /// The most that `held` has been.
    pub held_peak: usize,
    /// Chunks for many pieces.
    pub chunks: usize,
    /// Chunks for one piece each, those included that wait for another one.
    pub large_chunks: usize,
    /// Cleanups that wait.
    pub cleanups: usize,
    /// Marks that may be rewound to, but for one at the very start.
    pub marks: usize,
    /// How often malloc was asked for a chunk.
    pub requests: u64,
    /// Resets.
    pub resets: u64,
    /// Rewinds.
    pub rewinds: u64,
}

/// Called when what was allocated before it was registered stays and what came later goes.
pub type MetesArenaCleanup = Option<extern "C" fn(argument: *mut c_void)>;

fn pointer(piece: Option<NonNull<u8>>) -> *mut c_void {
    piece.map_or(null_mut(), |piece| piece.as_ptr().cast())
}

/// # Safety
/// An arena is there, or was.
#[inline(always)]
unsafe fn handle<'a>(arena: *const MetesArena) -> &'a Handle {
    // SAFETY: the caller's promise.
    unsafe { &(*arena).0 }
}

/// # Safety
/// As many bytes as its first word says.
unsafe fn options_of(options: *const MetesArenaOptions) -> (Options, Memory) {
    let mut known = MetesArenaOptions { size: 0, first_chunk: 0, max_chunk: 0, limit: 0, keep: 0, heap: null_mut() };
    if !options.is_null() {
        // SAFETY: the caller's promise.
        unsafe {
            let bytes = (*options).size.min(size_of::<MetesArenaOptions>());
            (&raw mut known).cast::<u8>().copy_from_nonoverlapping(options.cast(), bytes);
        }
    }
    let MetesArenaOptions { first_chunk, max_chunk, limit, keep, heap, .. } = known;
    let memory = if heap.is_null() { Memory::Process } else { Memory::Heap(heap::handle(heap)) };
    (Options { first_chunk, max_chunk, limit, keep }, memory)
}

/// Makes an arena that has its memory from malloc or from a heap: the first chunk when it is needed. NULL for `options` means all
/// defaults. Returns NULL with EINVAL in errno when an option is not valid, and a line on standard error says what is,
/// or with ENOMEM.
///
/// # Safety
/// `options` is NULL or has as many bytes as its `size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_new(options: *const MetesArenaOptions) -> *mut MetesArena {
    // SAFETY: the caller's promise.
    let (options, memory) = unsafe { options_of(options) };
    Handle::create(options, memory).map_or(null_mut(), |arena| arena.as_ptr().cast())
}

/// Makes an arena in a buffer, the start of which has the arena's own words, some 320 bytes. It never has more memory,
/// and never calls malloc. Returns NULL with EINVAL in errno when the buffer is too small. `metes_arena_destroy` runs
/// the cleanups and leaves the buffer to the caller.
///
/// # Safety
/// Nobody else uses the buffer until the arena was destroyed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_over(buffer: *mut c_void, bytes: usize) -> *mut MetesArena {
    // SAFETY: the caller's promise.
    unsafe { Handle::create_over(buffer.cast(), bytes) }.map_or(null_mut(), |arena| arena.as_ptr().cast())
}

/// Runs the cleanups and gives all memory back. NULL is fine.
///
/// # Safety
/// Nothing of the arena is used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_destroy(arena: *mut MetesArena) {
    if let Some(arena) = NonNull::new(arena) {
        // SAFETY: the caller's promise.
        unsafe { Handle::destroy(arena.cast()) };
    }
}

/// `bytes` bytes, aligned to 16, which are not set to anything. No bytes have an address of their own, too. NULL and
/// ENOMEM without memory.
///
/// cbindgen:postfix=METES_ALLOC(2)
///
/// # Safety
/// `arena` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_alloc(arena: *mut MetesArena, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    pointer(unsafe { handle(arena) }.alloc(GRAIN, bytes))
}

/// `count` elements of `size` bytes, all zero. NULL and ENOMEM also where their product overflows.
///
/// cbindgen:postfix=METES_ALLOC2(2, 3)
///
/// # Safety
/// `arena` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_calloc(arena: *mut MetesArena, count: usize, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    pointer(unsafe { handle(arena) }.calloc(count, size))
}

/// The same, not set to anything.
///
/// cbindgen:postfix=METES_ALLOC2(2, 3)
///
/// # Safety
/// `arena` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_array(arena: *mut MetesArena, count: usize, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    pointer(unsafe { handle(arena) }.alloc_array(count, size))
}

/// `bytes` bytes aligned to `align`, any power of two: pieces of a smaller one than 16 stand closer together. NULL and
/// EINVAL for another.
///
/// cbindgen:postfix=METES_ALLOC(3) METES_ALIGNED(2)
///
/// # Safety
/// `arena` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_aligned_alloc(arena: *mut MetesArena, align: usize, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    pointer(unsafe { handle(arena) }.alloc_aligned(align, bytes))
}

/// Resizes a piece of `old_bytes` bytes. It stays where it is if it is the last one and there is room, and whenever it
/// becomes smaller; else its bytes are copied to a new one, and the old one stays until a reset. NULL for `piece`
/// allocates.
///
/// # Safety
/// `piece` is NULL or a piece of this arena, and has `old_bytes` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_realloc(
    arena: *mut MetesArena,
    piece: *mut c_void,
    old_bytes: usize,
    new_bytes: usize,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    pointer(unsafe { handle(arena).realloc(piece.cast(), old_bytes, new_bytes) })
}

/// A copy of a string. Strings are not aligned: they stand close together.
///
/// # Safety
/// `arena` is one, and `text` a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_strdup(arena: *mut MetesArena, text: *const c_char) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { pointer(handle(arena).copy(text.cast(), CStr::from_ptr(text).count_bytes(), 1, 1)).cast() }
}

/// A copy of a string's first `max` bytes, or of all if it has fewer, with a zero behind.
///
/// # Safety
/// `arena` is one, and `text` a string or at least `max` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_strndup(arena: *mut MetesArena, text: *const c_char, max: usize) -> *mut c_char {
    // SAFETY: the caller's promise: what comes before the zero can be read, and no more is.
    let bytes = (0..max).take_while(|&index| unsafe { *text.add(index) } != 0).count();
    // SAFETY: the caller's promise.
    unsafe { pointer(handle(arena).copy(text.cast(), bytes, 1, 1)).cast() }
}

/// A copy of `bytes` bytes, aligned to 16.
///
/// # Safety
/// `arena` is one, and the bytes can be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_memdup(arena: *mut MetesArena, from: *const c_void, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    pointer(unsafe { handle(arena).copy(from.cast(), bytes, 0, GRAIN) })
}

/// Marks this position, for `metes_arena_rewind`. Marks nest, and each may be rewound to again and again. A mark takes
/// 48 bytes, but for one that is set where the last one was.
///
/// # Safety
/// `arena` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_mark(arena: *mut MetesArena) -> MetesArenaMark {
    // SAFETY: the caller's promise.
    let Mark { at, serial } = unsafe { handle(arena) }.mark();
    MetesArenaMark { at: at.cast(), serial }
}

/// Runs the cleanups that were registered since a mark was set, the last one first, and frees what was allocated since.
/// The memory stays, but for chunks of one piece. A mark of another arena, or one that was rewound past, is reported.
///
/// # Safety
/// Nothing that was allocated since is used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_rewind(arena: *mut MetesArena, mark: MetesArenaMark) {
    let mark = Mark { at: mark.at.cast(), serial: mark.serial };
    // SAFETY: the caller's promise.
    unsafe { handle(arena).rewind(mark) };
}

/// Runs the cleanups, frees everything, and keeps the memory: who allocates the same again does it without malloc.
///
/// # Safety
/// Nothing of the arena is used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_reset(arena: *mut MetesArena) {
    // SAFETY: the caller's promise.
    unsafe { handle(arena).reset() };
}

/// Gives the chunks back in which nothing is. Returns how many bytes those were.
///
/// # Safety
/// `arena` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_trim(arena: *mut MetesArena) -> usize {
    // SAFETY: the caller's promise.
    unsafe { handle(arena) }.trim()
}

/// Has `function` called with `argument` by the next reset, by the destroy, or by a rewind to before this call: the
/// last one registered is called first. It may allocate from the arena, which goes with the rest, and must not free.
/// Returns 0, or -1 with ENOMEM in errno.
///
/// # Safety
/// `arena` is one, and `function` can be called with `argument` until then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_on_reset(
    arena: *mut MetesArena,
    function: MetesArenaCleanup,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise.
    if unsafe { handle(arena) }.on_reset(function, argument) { 0 } else { -1 }
}

/// Bytes in use, with what alignment has cost.
///
/// # Safety
/// `arena` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_used(arena: *const MetesArena) -> usize {
    // SAFETY: the caller's promise.
    unsafe { handle(arena) }.arena().used()
}

/// Bytes of chunks: what the option `limit` limits.
///
/// # Safety
/// `arena` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_held(arena: *const MetesArena) -> usize {
    // SAFETY: the caller's promise.
    unsafe { handle(arena) }.arena().held()
}

/// 1 if an address is in what is allocated from the arena, else 0. Takes time in proportion to the number of chunks.
///
/// # Safety
/// `arena` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_owns(arena: *const MetesArena, address: *const c_void) -> c_int {
    // SAFETY: the caller's promise.
    c_int::from(unsafe { handle(arena) }.arena().owns(address.addr()))
}

/// Checks every invariant of an arena. Returns NULL if all hold, else a static text that names the first broken one.
/// Takes time in proportion to the number of chunks, marks and cleanups.
///
/// # Safety
/// `arena` is one, or was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_check(arena: *const MetesArena) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { handle(arena) }.check().map_or_else(CStr::as_ptr, |()| null())
}

/// Writes the statistics to `out`, of which the caller says how many bytes there are: `sizeof(struct
/// metes_arena_stats)`. A library newer than the header writes no more than that. Returns how many bytes it wrote.
///
/// # Safety
/// `arena` is one, and `out` is valid for writes of `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_arena_stats(arena: *const MetesArena, out: *mut MetesArenaStats, size: usize) -> usize {
    // SAFETY: the caller's promise.
    let figures = unsafe { handle(arena) }.arena().figures();
    let now = MetesArenaStats {
        used: figures.used,
        used_peak: figures.used_peak,
        held: figures.held,
        held_peak: figures.held_peak,
        chunks: figures.chunks,
        large_chunks: figures.large_chunks,
        cleanups: figures.cleanups,
        marks: figures.marks,
        requests: figures.requests,
        resets: figures.resets,
        rewinds: figures.rewinds,
    };
    let bytes = size.min(size_of::<MetesArenaStats>());
    // SAFETY: the caller's promise.
    unsafe { out.cast::<u8>().copy_from_nonoverlapping((&raw const now).cast(), bytes) };
    bytes
}
