/* metes: a malloc replacement. The malloc family itself is declared by <stdlib.h> and <malloc.h>.
   SPDX-License-Identifier: MIT OR Apache-2.0 */

#ifndef METES_H
#define METES_H

/* Made by cbindgen from src/abi/metes.rs and src/abi/special; a test holds it equal to the source. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* What compilers may know of functions that allocate: the parameters, counted from 1, that have the size and the alignment. */
#if defined(__GNUC__) && !defined(METES_ALLOC)
#define METES_MUST_USE __attribute__((warn_unused_result))
#define METES_ALLOC(n) __attribute__((malloc, alloc_size(n), warn_unused_result))
#define METES_ALLOC2(n, m) __attribute__((malloc, alloc_size(n, m), warn_unused_result))
#define METES_ALIGNED(n) __attribute__((alloc_align(n)))
#define METES_PRINTF(n, m) __attribute__((format(printf, n, m)))
#elif !defined(METES_ALLOC)
#define METES_MUST_USE
#define METES_ALLOC(n)
#define METES_ALLOC2(n, m)
#define METES_ALIGNED(n)
#define METES_PRINTF(n, m)
#endif

typedef struct metes_heap metes_heap;
typedef struct metes_arena metes_arena;

/*
 An arena: pieces are cut off its chunks one behind the other, and all are freed at once, by `metes_arena_reset`,
 `metes_arena_rewind` or
 `metes_arena_destroy`. One thread at a time may use it.
 */
struct metes_arena;

/*
 A heap of its own. A handle is no address: that of a destroyed heap is never that of another one.
 */
struct metes_heap;

/*
 Called when `bytes` bytes cannot be had, with no lock held. Returns other than 0 if it has freed
 something and the request is to be tried again. With 0 the request fails: NULL and ENOMEM, or,
 after the new-handlers, `std::bad_alloc`. See `metes_set_oom_handler`.
 */
typedef int (*metes_oom_handler)(size_t bytes);

/*
 What the allocator has served since the process started, and what it holds now. Calls that
 failed do not count. A realloc counts as one, whatever it does. In C++ write
 `struct metes_stats`: the function of that name hides the type.
 */
struct metes_stats {
  /*
   Calls of malloc and operator new.
   */
  uint64_t malloc_calls;
  /*
   Calls of calloc.
   */
  uint64_t calloc_calls;
  /*
   Calls of realloc and reallocarray.
   */
  uint64_t realloc_calls;
  /*
   Calls of all functions that take an alignment.
   */
  uint64_t aligned_calls;
  /*
   Calls of free and its forms, including operator delete.
   */
  uint64_t free_calls;
  /*
   Bytes in blocks handed out, without mappings. Small blocks count with their size class,
   others with their header.
   */
  size_t heap_live;
  /*
   The most that the heaps have handed out. Slabs count whole, in use or standing ready, so it
   is an upper bound of the most that `heap_live` has been.
   */
  size_t heap_peak;
  /*
   Bytes of address space that the heaps hold.
   */
  size_t heap_held;
  /*
   Regions that the heaps hold.
   */
  size_t regions;
  /*
   Free blocks in the heaps.
   */
  size_t free_blocks;
  /*
   Mappings handed out.
   */
  size_t mappings;
  /*
   Bytes of these mappings.
   */
  size_t mapping_bytes;
  /*
   The most that `mapping_bytes` has been.
   */
  size_t mapping_peak;
  /*
   Bytes in thread caches.
   */
  size_t cached;
  /*
   How often the lock of an arena was taken.
   */
  uint64_t locks;
  /*
   How often a thread had to wait for such a lock.
   */
  uint64_t lock_waits;
  /*
   Slabs of the heaps.
   */
  size_t slabs;
  /*
   Bytes of these slabs.
   */
  size_t slab_bytes;
  /*
   How many of these slabs serve several sizes.
   */
  size_t mixed_slabs;
  /*
   Bytes of address space from the operating system, including metes' own records. The option `limit` limits them.
   */
  size_t mapped;
  /*
   Arenas that hold memory.
   */
  size_t arenas;
};

/*
 Called with each block: see `metes_walk`. It returns other than 0 to stop.
 */
typedef int (*metes_visitor)(void *block, size_t usable, void *argument);

/*
 How a heap is to be. Set `size` to `sizeof(struct metes_heap_options)` and all else to 0, then what is to differ.
 */
struct metes_heap_options {
  /*
   Bytes of this struct, as the caller knows it.
   */
  size_t size;
  /*
   What reports call the heap: up to 31 bytes are kept. NULL: it has no name.
   */
  const char *name;
  /*
   The most bytes that blocks in use may have, 8 bytes of header for each included. 0: no limit.
   */
  size_t limit;
  /*
   Which free block serves a request: 0, the smallest that fits; 1, the lowest in address that fits; 2, the
   largest.
   */
  int fit;
  /*
   Other than 0: one thread alone uses the heap at a time, and no lock is taken.
   */
  int single_threaded;
};

/*
 What a heap holds and has served.
 */
struct metes_heap_stats {
  /*
   Bytes of blocks in use, 8 bytes of header for each included.
   */
  size_t live;
  /*
   The most `live` has been.
   */
  size_t peak;
  /*
   Blocks in use.
   */
  size_t blocks;
  /*
   Bytes of address space.
   */
  size_t held;
  /*
   Calls that allocated.
   */
  uint64_t mallocs;
  /*
   Calls that freed.
   */
  uint64_t frees;
  /*
   Bytes that the largest free block could serve.
   */
  size_t largest_free;
  /*
   The most `live` may be; `SIZE_MAX` if there is no limit.
   */
  size_t limit;
};

/*
 Called with each block: see `metes_heap_walk`. It returns other than 0 to stop.
 */
typedef int (*metes_heap_visitor)(void *block, size_t usable, void *argument);

/*
 How an arena grows. Set `size`, and what is not to be the default, which zero is.
 */
struct metes_arena_options {
  /*
   `sizeof(struct metes_arena_options)`.
   */
  size_t size;
  /*
   Bytes of the first chunk: 256 and more. 4 KiB by default.
   */
  size_t first_chunk;
  /*
   The most bytes of a chunk, up to which each is twice as large as the one before. 1 MiB by default. What needs
   more than the next chunk has gets a chunk of its own.
   */
  size_t max_chunk;
  /*
   The most bytes of chunks at a time, which are never exceeded: 256 and more. None by default.
   */
  size_t limit;
  /*
   The most bytes of chunks that stay after a reset; one chunk always stays. All by default.
   */
  size_t keep;
};

/*
 A position in an arena. In C++ write `struct metes_arena_mark`: the function of that name hides the type.
 */
struct metes_arena_mark {
  /*
   The arena's own.
   */
  void *at;
  /*
   The arena's own.
   */
  uint64_t serial;
};

/*
 Called when what was allocated before it was registered stays and what came later goes.
 */
typedef void (*metes_arena_cleanup)(void *argument);

/*
 What an arena has done, and has. In C++ write `struct metes_arena_stats`: the function of that name hides the type.
 */
struct metes_arena_stats {
  /*
   Bytes of pieces, with what their alignment has cost, and the records of marks and cleanups.
   */
  size_t used;
  /*
   The most that `used` has been.
   */
  size_t used_peak;
  /*
   Bytes of chunks.
   */
  size_t held;
  /*
   The most that `held` has been.
   */
  size_t held_peak;
  /*
   Chunks for many pieces.
   */
  size_t chunks;
  /*
   Chunks for one piece each, those included that wait for another one.
   */
  size_t large_chunks;
  /*
   Cleanups that wait.
   */
  size_t cleanups;
  /*
   Marks that may be rewound to, but for one at the very start.
   */
  size_t marks;
  /*
   How often malloc was asked for a chunk.
   */
  uint64_t requests;
  /*
   Resets.
   */
  uint64_t resets;
  /*
   Rewinds.
   */
  uint64_t rewinds;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Checks every invariant of the allocator: each block's header and boundary tag, the free lists,
 the page map, the mappings, the counts. Returns NULL if all hold, else a text that names the
 first broken one and where it is. The text stays valid until the next failing check writes over
 it. Takes time in proportion to the number of blocks. Thread-safe.
 */
const char *metes_check(void);

/*
 The version of the library that runs, such as "0.1.0". The text is static.
 */
const char *metes_version(void);

/*
 Gives as much free memory as it can back to the operating system, and returns about how many bytes. Thread-safe.
 */
size_t metes_purge(void);

/*
 Changes an option while the program runs, as `METES_OPTIONS` sets it at the start: `guard`,
 `cutoff`, `dirty_max` or `arenas`. Returns 0, or -1 with EINVAL in errno if the name or the value
 is bad. Then a line on standard error says what is valid. Thread-safe, but not for signal handlers.

 # Safety
 Both must be C strings.
 */
int metes_option_set(const char *name, const char *value);

/*
 Sets the handler of the process, or none with NULL, and returns the one before. Thread-safe.

 The handler is called by the thread that asked for memory, when freed memory has gone back to the system
 and the request still cannot be served. It is not called for more bytes than there are addresses, not
 inside fork, and not if the request comes from a signal handler that interrupted malloc or free. It may
 call malloc and free. A request of its own that cannot be served fails at once, without another call on
 that thread. Several threads may be in it at once. It must return: no longjmp, no exception.
 */
metes_oom_handler metes_set_oom_handler(metes_oom_handler handler);

/*
 Writes the statistics to `out`, which has room for `size` bytes: `sizeof(struct metes_stats)`. A
 library newer than the header writes no more than that. Returns how many bytes it wrote. Thread-safe.

 # Safety
 `out` must be valid for writes of `size` bytes.
 */
size_t metes_stats(struct metes_stats *out,
                   size_t size);

/*
 The value in force of an option of `METES_OPTIONS`: writes as much of it as fits to `value`, with a zero at the end.
 Returns the length of the whole value, or -1 with EINVAL in errno if there is no such option. Thread-safe.

 # Safety
 `name` must be a string, and `value` valid for writes of `size` bytes.
 */
ptrdiff_t metes_option_get(const char *name,
                           char *value,
                           size_t size);

/*
 Calls `visit` with each block that the program has, the bytes that may be used of it, and `argument`, until it
 returns other than 0. Blocks of heaps with `single_threaded` are left out. `visit` may not allocate or free. It
 empties the caches of threads first. Other threads go on meanwhile: what they allocate or free may be visited or
 not. Thread-safe; not for signal handlers.
 */
void metes_walk(metes_visitor visit,
                void *argument);

/*
 Writes the statistics as one JSON object to a file. Takes no memory. Thread-safe.
 */
void metes_stats_json(int fd);

/*
 Writes the statistics in the text format of Prometheus to a file. Takes no memory. Thread-safe.
 */
void metes_stats_prometheus(int fd);

/*
 Empties the calling thread's cache into its arena: for a thread that is about to sleep for long.
 */
void metes_thread_flush(void);

/*
 Makes a heap. NULL for `options` means all defaults: shared by threads, no limit, best fit. Returns NULL with
 ENOMEM if there is no memory, and with EINVAL if an option is not valid: then a line on standard error names it.
 Thread-safe. A heap without blocks costs about 1 KiB; the first block adds 64 KiB of address space, of which the
 pages that are touched count.

 # Safety
 `options` is NULL, or has `size` bytes; its name is NULL or a string.
 */
struct metes_heap *metes_heap_new(const struct metes_heap_options *options);

/*
 Destroys a heap: all its blocks are gone at once, whatever is out. Its memory cannot be touched until it is used
 again: a late access or a late free is reported by name. NULL does nothing. May be called by any thread; a heap
 with `single_threaded` must not be in use by another one.
 */
void metes_heap_destroy(struct metes_heap *heap);

/*
 `bytes` bytes of the heap, aligned to 16. Returns NULL with ENOMEM if there is no memory, or the heap's limit
 would be passed. Thread-safe unless the heap is for a single thread; not for signal handlers.

 */
void *metes_heap_malloc(struct metes_heap *heap,
                        size_t bytes)
METES_ALLOC(2);

/*
 As `metes_heap_malloc`, of `count` times `bytes` bytes that are zero.

 */
void *metes_heap_calloc(struct metes_heap *heap, size_t count, size_t bytes) METES_ALLOC2(2, 3);

/*
 As `metes_heap_malloc`, aligned to `align`, a power of two; else it returns NULL with EINVAL.

 */
void *metes_heap_aligned_alloc(struct metes_heap *heap,
                               size_t align,
                               size_t bytes)
METES_ALLOC(3) METES_ALIGNED(2);

/*
 As `metes_heap_malloc`; `usable`, unless it is NULL, receives how many bytes may be used, `bytes` or a few more.

 # Safety
 `usable` is NULL, or valid for a write.

 */
void *metes_heap_malloc_at_least(struct metes_heap *heap,
                                 size_t bytes,
                                 size_t *usable)
METES_MUST_USE;

/*
 Makes a block of the heap larger or smaller, as `realloc` does. The block stays in its heap.

 # Safety
 Unless it fails, nothing may use the old block any more. A pointer that is no block of the heap is reported, not
 followed.

 */
void *metes_heap_realloc(struct metes_heap *heap,
                         void *p,
                         size_t bytes)
METES_MUST_USE;

/*
 A copy of a string, in the heap.

 # Safety
 `text` is a string.

 */
char *metes_heap_strdup(struct metes_heap *heap, const char *text) METES_MUST_USE;

/*
 Frees a block of the heap; NULL does nothing. A block of another heap is reported with both names. `free` works on
 it too.

 # Safety
 Nothing may use the block any more. A pointer that is no block of the heap is reported, not followed.
 */
void metes_heap_free(struct metes_heap *heap,
                     void *p);

/*
 The bytes that may be used of a block of the heap; 0 for NULL.
 */
size_t metes_heap_usable_size(struct metes_heap *heap, void *p);

/*
 Has all that the calling thread allocates come from the heap until `metes_heap_leave`: malloc, calloc, `operator
 new` and the others, in whatever code. Blocks that were there stay where they are, also through realloc. Nests, up
 to eight deep. Calls of malloc and free take longer meanwhile. Returns 0, or -1 with ENOTSUP in errno where
 threads have no caches (`checks=full`, `debug=1`, `caches=off`) or the scopes are too deep.
 */
int metes_heap_enter(struct metes_heap *heap);

/*
 Ends the calling thread's innermost `metes_heap_enter`. Returns 0, or -1 with EINVAL in errno, and nothing was
 done, if that was not of this heap.
 */
int metes_heap_leave(struct metes_heap *heap);

/*
 The heap of a tag: one for each name in the process, made at the first call, of which up to 31 bytes count. It
 stays for good: it may not be destroyed. Returns NULL with ENOMEM if there is no memory, or there are 256 tags.
 Thread-safe.

 # Safety
 `name` is a string.
 */
struct metes_heap *metes_tag(const char *name);

/*
 Has all that the calling thread allocates count for a tag until `metes_tag_pop`: it comes from the tag's heap, whose
 figures are exact, whichever thread frees the blocks. As `metes_heap_enter(metes_tag(name))`.

 # Safety
 `name` is a string.
 */
int metes_tag_push(const char *name);

/*
 Ends the calling thread's innermost `metes_tag_push` or `metes_heap_enter`. Returns 0, or -1 with EINVAL in errno
 if it is in none.
 */
int metes_tag_pop(void);

/*
 The heap whose memory an address is in; NULL if it is in none that the program has made and not destroyed.
 Thread-safe, takes no lock.
 */
struct metes_heap *metes_heap_of(const void *p);

/*
 Whether an address is in the heap's memory: 1 or 0. Thread-safe, takes no lock.
 */
int metes_heap_owns(struct metes_heap *heap, const void *p);

/*
 Frees all blocks of the heap at once. Its memory stays for the next ones.
 */
void metes_heap_reset(struct metes_heap *heap);

/*
 Gives the heap's free pages back to the operating system. Returns about how many bytes that were.
 */
size_t metes_heap_purge(struct metes_heap *heap);

/*
 Writes what the heap holds to `out`, of which the caller says how many bytes there are: `sizeof(struct
 metes_heap_stats)`. Returns how many bytes it wrote; 0 if the heap is not live.

 # Safety
 `out` must be valid for writes of `size` bytes.
 */
size_t metes_heap_stats(struct metes_heap *heap,
                        struct metes_heap_stats *out,
                        size_t size);

/*
 Checks every invariant of the heap: each header, the free list, the quick lists, the counts. Returns NULL if all
 hold, else a text as `metes_check` does.
 */
const char *metes_heap_check(struct metes_heap *heap);

/*
 Calls `visit` with each block in use of the heap, the bytes that may be used of it, and `argument`, until it
 returns other than 0. `visit` may not use the heap.
 */
void metes_heap_walk(struct metes_heap *heap,
                     metes_heap_visitor visit,
                     void *argument);

/*
 Makes an arena that has its memory from malloc: the first chunk when it is needed. NULL for `options` means all
 defaults. Returns NULL with EINVAL in errno when an option is not valid, and a line on standard error says what is,
 or with ENOMEM.

 # Safety
 `options` is NULL or has as many bytes as its `size` says.
 */
struct metes_arena *metes_arena_new(const struct metes_arena_options *options);

/*
 Makes an arena in a buffer, the start of which has the arena's own words, some 320 bytes. It never has more memory,
 and never calls malloc. Returns NULL with EINVAL in errno when the buffer is too small. `metes_arena_destroy` runs
 the cleanups and leaves the buffer to the caller.

 # Safety
 Nobody else uses the buffer until the arena was destroyed.
 */
struct metes_arena *metes_arena_over(void *buffer,
                                     size_t bytes);

/*
 Runs the cleanups and gives all memory back. NULL is fine.

 # Safety
 Nothing of the arena is used any more.
 */
void metes_arena_destroy(struct metes_arena *arena);

/*
 `bytes` bytes, aligned to 16, which are not set to anything. No bytes have an address of their own, too. NULL and
 ENOMEM without memory.


 # Safety
 `arena` is one.
 */
void *metes_arena_alloc(struct metes_arena *arena,
                        size_t bytes)
METES_ALLOC(2);

/*
 `count` elements of `size` bytes, all zero. NULL and ENOMEM also where their product overflows.


 # Safety
 `arena` is one.
 */
void *metes_arena_calloc(struct metes_arena *arena, size_t count, size_t size) METES_ALLOC2(2, 3);

/*
 The same, not set to anything.


 # Safety
 `arena` is one.
 */
void *metes_arena_array(struct metes_arena *arena, size_t count, size_t size) METES_ALLOC2(2, 3);

/*
 `bytes` bytes aligned to `align`, any power of two: pieces of a smaller one than 16 stand closer together. NULL and
 EINVAL for another.


 # Safety
 `arena` is one.
 */
void *metes_arena_aligned_alloc(struct metes_arena *arena,
                                size_t align,
                                size_t bytes)
METES_ALLOC(3) METES_ALIGNED(2);

/*
 Resizes a piece of `old_bytes` bytes. It stays where it is if it is the last one and there is room, and whenever it
 becomes smaller; else its bytes are copied to a new one, and the old one stays until a reset. NULL for `piece`
 allocates.

 # Safety
 `piece` is NULL or a piece of this arena, and has `old_bytes` bytes.
 */
void *metes_arena_realloc(struct metes_arena *arena,
                          void *piece,
                          size_t old_bytes,
                          size_t new_bytes);

/*
 A copy of a string. Strings are not aligned: they stand close together.

 # Safety
 `arena` is one, and `text` a string.
 */
char *metes_arena_strdup(struct metes_arena *arena, const char *text);

/*
 A copy of a string's first `max` bytes, or of all if it has fewer, with a zero behind.

 # Safety
 `arena` is one, and `text` a string or at least `max` bytes.
 */
char *metes_arena_strndup(struct metes_arena *arena, const char *text, size_t max);

/*
 A copy of `bytes` bytes, aligned to 16.

 # Safety
 `arena` is one, and the bytes can be read.
 */
void *metes_arena_memdup(struct metes_arena *arena, const void *from, size_t bytes);

/*
 Marks this position, for `metes_arena_rewind`. Marks nest, and each may be rewound to again and again. A mark takes
 48 bytes, but for one that is set where the last one was.

 # Safety
 `arena` is one.
 */
struct metes_arena_mark metes_arena_mark(struct metes_arena *arena);

/*
 Runs the cleanups that were registered since a mark was set, the last one first, and frees what was allocated since.
 The memory stays, but for chunks of one piece. A mark of another arena, or one that was rewound past, is reported.

 # Safety
 Nothing that was allocated since is used any more.
 */
void metes_arena_rewind(struct metes_arena *arena,
                        struct metes_arena_mark mark);

/*
 Runs the cleanups, frees everything, and keeps the memory: who allocates the same again does it without malloc.

 # Safety
 Nothing of the arena is used any more.
 */
void metes_arena_reset(struct metes_arena *arena);

/*
 Gives the chunks back in which nothing is. Returns how many bytes those were.

 # Safety
 `arena` is one.
 */
size_t metes_arena_trim(struct metes_arena *arena);

/*
 Has `function` called with `argument` by the next reset, by the destroy, or by a rewind to before this call: the
 last one registered is called first. It may allocate from the arena, which goes with the rest, and must not free.
 Returns 0, or -1 with ENOMEM in errno.

 # Safety
 `arena` is one, and `function` can be called with `argument` until then.
 */
int metes_arena_on_reset(struct metes_arena *arena,
                         metes_arena_cleanup function,
                         void *argument);

/*
 Bytes in use, with what alignment has cost.

 # Safety
 `arena` is one.
 */
size_t metes_arena_used(const struct metes_arena *arena);

/*
 Bytes of chunks: what the option `limit` limits.

 # Safety
 `arena` is one.
 */
size_t metes_arena_held(const struct metes_arena *arena);

/*
 1 if an address is in what is allocated from the arena, else 0. Takes time in proportion to the number of chunks.

 # Safety
 `arena` is one.
 */
int metes_arena_owns(const struct metes_arena *arena,
                     const void *address);

/*
 Checks every invariant of an arena. Returns NULL if all hold, else a static text that names the first broken one.
 Takes time in proportion to the number of chunks, marks and cleanups.

 # Safety
 `arena` is one, or was.
 */
const char *metes_arena_check(const struct metes_arena *arena);

/*
 Writes the statistics to `out`, of which the caller says how many bytes there are: `sizeof(struct
 metes_arena_stats)`. A library newer than the header writes no more than that. Returns how many bytes it wrote.

 # Safety
 `arena` is one, and `out` is valid for writes of `size` bytes.
 */
size_t metes_arena_stats(const struct metes_arena *arena,
                         struct metes_arena_stats *out,
                         size_t size);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* METES_H */

#ifndef METES_H_INLINE
#define METES_H_INLINE

/* A formatted string in an arena, as vsnprintf writes it. NULL without memory, or with a format that is not valid. */
METES_PRINTF(2, 0)
static inline char *metes_arena_vprintf(struct metes_arena *arena, const char *format, va_list arguments) {
  char small[256], *text;
  size_t bytes;
  va_list again;
  int length;
  va_copy(again, arguments);
  length = vsnprintf(small, sizeof small, format, arguments);
  bytes = (size_t)length + 1;
  text = length < 0 ? NULL : (char *)metes_arena_aligned_alloc(arena, 1, bytes);
  if (text && bytes <= sizeof small) {
    memcpy(text, small, bytes);
  } else if (text) {
    vsnprintf(text, bytes, format, again);
  }
  va_end(again);
  return text;
}

/* A formatted string in an arena, as printf writes it. NULL without memory, or with a format that is not valid. */
METES_PRINTF(2, 3)
static inline char *metes_arena_printf(struct metes_arena *arena, const char *format, ...) {
  char *text;
  va_list arguments;
  va_start(arguments, format);
  text = metes_arena_vprintf(arena, format, arguments);
  va_end(arguments);
  return text;
}

#endif  /* METES_H_INLINE */
