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
typedef struct metes_freelist metes_freelist;
typedef struct metes_stack metes_stack;
typedef struct metes_pool metes_pool;
typedef struct metes_buddy metes_buddy;

/*
 The smallest block that fits serves a request; of those of more than some KiB that with the lowest address. The
 default.
 */
#define METES_FIT_BEST 0

/*
 The block with the lowest address that fits.
 */
#define METES_FIT_FIRST 1

/*
 The largest block; of these that with the lowest address.
 */
#define METES_FIT_WORST 2

/*
 An arena: pieces are cut off its chunks one behind the other, and all are freed at once, by `metes_arena_reset`,
 `metes_arena_rewind` or
 `metes_arena_destroy`. One thread at a time may use it.
 */
struct metes_arena;

/*
 A buddy allocator: blocks of a power of two each, of a range of memory or of offsets. One thread at a time may use
 it, unless it was made with `shared`.
 */
struct metes_buddy;

/*
 A free list: an address-ordered, coalescing heap in a buffer of the caller's, at whose start its control block is.
 One thread at a time uses it.
 */
struct metes_freelist;

/*
 A heap of its own. A handle is no address: that of a destroyed heap is never that of another one.
 */
struct metes_heap;

/*
 A pool of objects of one size. One thread at a time may use it, unless it was made with `shared`.
 */
struct metes_pool;

/*
 A stack: blocks in one range, from its start and from its end; those pushed last are popped first. One thread at a
 time uses it.
 */
struct metes_stack;

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
  /*
   0: the checks that the process has; 1: full. Each block is exact then: `metes_heap_usable_size` is what was
   asked for, one byte too many is reported when the block is freed or the heap is checked, reset or destroyed, and
   what is freed is filled. It costs 8 bytes a block, and time.
   */
  int checks;
  /*
   Other than 0: 64 KiB that nobody can touch stand before and behind each range of the heap. A run beyond it is
   reported by the heap's name.
   */
  int guard_pages;
  /*
   Bytes of the one range of addresses that the heap has, rounded up to 64 KiB, at most 32 GiB: it never has
   another one. 0: it gets ranges as it grows.
   */
  size_t reserve;
  /*
   Memory of the caller's that the heap is to use instead: it never maps any. Of that it uses the whole units of
   64 KiB, aligned to 64 KiB. It must not be in a block of malloc's below 256 KiB, and is the caller's again once
   the heap is destroyed. NULL: memory of the heap's own.
   */
  void *memory;
  /*
   Bytes of `memory`.
   */
  size_t memory_size;
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
  /*
   The heap that chunks are from: see `metes_heap_new`. The arena is destroyed before it, or not at all: what was
   in it goes with the heap. NULL: malloc.
   */
  struct metes_heap *heap;
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

/*
 How a free list is made. All zero but `size` is the default.
 */
struct metes_freelist_options {
  /*
   `sizeof(struct metes_freelist_options)`.
   */
  size_t size;
  /*
   Which free block serves a request: `METES_FIT_BEST`, `METES_FIT_FIRST` or `METES_FIT_WORST`.
   */
  uint32_t fit;
  /*
   Not 0 if other processes use the list too, or if the buffer is copied while blocks are in use: valgrind is
   told nothing of the list then.
   */
  uint32_t shared;
};

/*
 Called for a block of `bytes` usable bytes; `in_use` is 1, or 0 for a free block, whose bytes are the list's.
 Other than 0 ends the walk.
 */
typedef int (*metes_freelist_visitor)(void *argument, void *block, size_t bytes, int in_use);

/*
 What a free list holds, in bytes and blocks.
 */
struct metes_freelist_stats {
  /*
   The list's bytes, its control block included.
   */
  size_t bytes;
  /*
   Bytes in blocks in use, with 8 more for each.
   */
  size_t live;
  /*
   Blocks in use.
   */
  size_t blocks;
  /*
   Bytes in free blocks, with 8 more for each.
   */
  size_t free;
  /*
   Free blocks.
   */
  size_t free_blocks;
  /*
   The largest request that can be served.
   */
  size_t largest;
  /*
   The most `live` has been.
   */
  size_t peak;
};

/*
 How a stack is made. All zero but `size` is the default.
 */
struct metes_stack_options {
  /*
   `sizeof(struct metes_stack_options)`.
   */
  size_t size;
  /*
   Not 0 if nothing is popped but by marks: then blocks have no word of 8 bytes beside them, and
   `metes_stack_pop` cannot be called.
   */
  uint32_t marks_only;
};

/*
 What a stack holds, in bytes.
 */
struct metes_stack_stats {
  /*
   Bytes for blocks and what stands beside them.
   */
  size_t bytes;
  /*
   Bytes in use at the low end.
   */
  size_t low;
  /*
   Bytes in use at the high end.
   */
  size_t high;
  /*
   Bytes between the ends.
   */
  size_t left;
  /*
   The most that was in use at both ends together.
   */
  size_t peak;
};

/*
 How a buddy allocator is. Set `size`, and what is not to be the default, which zero is.
 */
struct metes_buddy_options {
  /*
   `sizeof(struct metes_buddy_options)`.
   */
  size_t size;
  /*
   Bytes of the smallest block, whose order is 0: a power of two from 16 to 1 GiB. 64 by default.
   */
  size_t min_block;
  /*
   Bytes of the largest block, a power of two. By default the largest that the range can have.
   */
  size_t max_block;
  /*
   1 if several threads use it at a time: each call takes a lock then.
   */
  size_t shared;
  /*
   1 if there is no memory, and `metes_buddy_alloc_offset` is all that is wanted: `range` is NULL then, and
   offsets are those from 0 to `bytes`.
   */
  size_t offsets;
  /*
   Memory for all that the allocator knows, aligned to 16 and not in the range, or NULL: then malloc serves it.
   See `metes_buddy_control_bytes`.
   */
  void *control;
  /*
   Bytes of `control`.
   */
  size_t control_bytes;
};

/*
 What a buddy allocator has. In C++ write `struct metes_buddy_stats`: the function of that name hides the type.
 */
struct metes_buddy_stats {
  /*
   Bytes that can be handed out: the range without what is too small for a block at its ends.
   */
  size_t total;
  /*
   Bytes of them that are free.
   */
  size_t free;
  /*
   Bytes of the largest free block.
   */
  size_t largest_free;
  /*
   Bytes of the smallest block.
   */
  size_t min_block;
  /*
   Bytes of the largest block.
   */
  size_t max_block;
  /*
   Free blocks of each order.
   */
  size_t free_blocks[37];
};

/*
 How a pool is. Set `size`, and what is not to be the default, which zero is.
 */
struct metes_pool_options {
  /*
   `sizeof(struct metes_pool_options)`.
   */
  size_t size;
  /*
   What each object's address is a multiple of: a power of two. By default the largest that divides the size of
   an object, up to 16, which is enough for any C type of that size that asks for no more by itself.
   */
  size_t align;
  /*
   The most objects that may be out at a time. By default as many as there is memory for.
   */
  size_t limit;
  /*
   Objects that are made ready at the start.
   */
  size_t reserve;
  /*
   1 if several threads use the pool at a time: each call takes a lock then.
   */
  size_t shared;
  /*
   Constructs an object when its slab is made, before it is handed out for the first time; 0 if it has worked. It
   may not use the object's pool.
   */
  int (*construct)(void *object, void *argument);
  /*
   Destructs an object when its slab goes, whether it is out or not. It may not use the object's pool.
   */
  void (*destruct)(void *object, void *argument);
  /*
   What both are given.
   */
  void *argument;
};

/*
 What a pool has. In C++ write `struct metes_pool_stats`: the function of that name hides the type.
 */
struct metes_pool_stats {
  /*
   Objects that are out.
   */
  size_t live;
  /*
   Objects that are free in the slabs that there are.
   */
  size_t free;
  /*
   Slabs.
   */
  size_t slabs;
  /*
   Bytes of the slabs.
   */
  size_t bytes;
  /*
   Bytes of an object, as asked for.
   */
  size_t object_bytes;
  /*
   Bytes from one object to the next.
   */
  size_t stride;
  /*
   What each object's address is a multiple of.
   */
  size_t align;
  /*
   Objects of a slab.
   */
  size_t slab_objects;
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
 `cutoff`, `dirty_max`, `arenas` or `profile`. Returns 0, or -1 with EINVAL in errno if the name or the value
 is bad. Then a line on standard error says what is valid. Thread-safe, but not for signal handlers.

 # Safety
 Both must be C strings.
 */
int metes_option_set(const char *name,
                     const char *value);

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
 Thread-safe. A heap without blocks costs about 1 KiB; the first block adds 64 KiB of address space, or as much as
 the last heaps needed, up to 512 KiB, of which the pages that are touched count.

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
 to eight deep. Calls of malloc and free take longer meanwhile. Returns 0, or -1 with ENOTSUP in errno where the
 scopes are too deep, in a signal handler that has interrupted malloc, and where threads have no caches
 (`checks=full`, `debug=1`, `caches=off`) and 64 others are in scopes. The scope ends with the thread. What libraries keep of what they allocate in it, a stdio buffer for instance, goes with the
 heap.
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
 returns other than 0. `visit` may neither allocate nor free, from whatever heap.
 */
void metes_heap_walk(struct metes_heap *heap,
                     metes_heap_visitor visit,
                     void *argument);

/*
 Makes an arena that has its memory from malloc or from a heap: the first chunk when it is needed. NULL for `options` means all
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

/*
 Makes a free list in `buffer`, which is aligned to 16 bytes and has at least 256; what was there is lost. The list
 is the buffer's address. NULL with EINVAL, and a line on standard error, if that cannot be. Memory-mapped, in
 shared memory or in a file, the buffer may be used by other processes, at other addresses, see
 `metes_freelist_attach`; there the lock has to be one between processes.

 # Safety
 The buffer must have `bytes` bytes, which nobody else uses, for as long as the list is used. `options` may be NULL.
 */
struct metes_freelist *metes_freelist_init(void *buffer,
                                           size_t bytes,
                                           const struct metes_freelist_options *options);

/*
 The free list that is in a buffer of `bytes` bytes: made by another process, or here before the buffer was copied,
 written to a file, mapped again. NULL with EINVAL if there is none. Otherwise errno is 0, or EOWNERDEAD if a
 process ended inside an operation: then only `metes_freelist_check`, `metes_freelist_unfinished` and
 `metes_freelist_recover` may be called until it is recovered.

 # Safety
 As for `metes_freelist_init`, but that lists attached to the same memory may use it, one call at a time.
 */
struct metes_freelist *metes_freelist_attach(void *buffer,
                                             size_t bytes);

/*
 A block of `bytes` bytes, aligned to 16. NULL with ENOMEM if there is none. A size of 0 gives a block too.

 # Safety
 It must be a free list, used by one thread at a time.
 */
void *metes_freelist_malloc(struct metes_freelist *list,
                            size_t bytes)
METES_ALLOC(2);

/*
 A block of `count` times `bytes` bytes, all zero. NULL with ENOMEM if there is none, or if that is more than there
 are numbers.

 # Safety
 It must be a free list, used by one thread at a time.
 */
void *metes_freelist_calloc(struct metes_freelist *list,
                            size_t count,
                            size_t bytes)
METES_ALLOC2(2, 3);

/*
 A block of `bytes` bytes at an address that is a multiple of `alignment`, a power of two. NULL with EINVAL if that
 is none, with ENOMEM if there is no block. Where the buffer is mapped or copied elsewhere the alignment holds as
 far as both places share it.

 # Safety
 It must be a free list, used by one thread at a time.
 */
void *metes_freelist_aligned_alloc(struct metes_freelist *list,
                                   size_t alignment,
                                   size_t bytes)
METES_ALIGNED(2);

/*
 Makes a block have `bytes` bytes: where it is, if there is room, else elsewhere, where its bytes move. NULL with
 ENOMEM if there is no memory: then the block is as it was. Of NULL it is `metes_freelist_malloc`. A size of 0
 makes the block as small as one can be. What is no block in use is reported.

 # Safety
 It must be a free list, used by one thread at a time, and nothing may use the block's old place if there is a new
 one.
 */
void *metes_freelist_realloc(struct metes_freelist *list,
                             void *block,
                             size_t bytes);

/*
 Gives a block back. NULL does nothing. What is no block in use is reported.

 # Safety
 It must be a free list, used by one thread at a time, and nothing may use the block any more.
 */
void metes_freelist_free(struct metes_freelist *list, void *block);

/*
 How many bytes a block has, at least those asked for; 0 for NULL. What is no block in use is reported.

 # Safety
 It must be a free list, used by one thread at a time.
 */
size_t metes_freelist_usable_size(struct metes_freelist *list,
                                  void *block);

/*
 The offset of an address from the list's start, which is the same in every process. 0 for NULL; 0 with EINVAL for
 what is outside the buffer.

 # Safety
 It must be a free list.
 */
size_t metes_freelist_offset(const struct metes_freelist *list,
                             const void *address);

/*
 The address in this process of what is at an offset. NULL for 0; NULL with EINVAL for what is outside the buffer.

 # Safety
 It must be a free list.
 */
void *metes_freelist_pointer(const struct metes_freelist *list,
                             size_t offset);

/*
 1 if a block in use starts there, else 0. Nothing is reported.

 # Safety
 It must be a free list, used by one thread at a time.
 */
int metes_freelist_owns(const struct metes_freelist *list, const void *address);

/*
 Calls `visitor` with each block in the order of addresses. Returns 0 when all have been visited, what the visitor
 returned if that was not 0, or -1 with EINVAL where a header is damaged. The visitor must not change the list.

 # Safety
 It must be a free list, used by one thread at a time.
 */
int metes_freelist_walk(const struct metes_freelist *list,
                        metes_freelist_visitor visitor,
                        void *argument);

/*
 Writes what the list holds to `out`, of which the caller says how many bytes there are: `sizeof(struct
 metes_freelist_stats)`. Returns how many bytes it wrote; 0 with EINVAL if the list cannot be used.

 # Safety
 It must be a free list, used by one thread at a time, and `out` must be valid for writes of `size` bytes.
 */
size_t metes_freelist_stats(const struct metes_freelist *list,
                            struct metes_freelist_stats *out,
                            size_t size);

/*
 Checks every invariant: each header and tag, the index of free blocks, the figures, and that no operation was left
 unfinished. NULL if all hold, else a static text that names the first that does not. Whatever is in the buffer,
 nothing outside of it is read, and the check ends.

 # Safety
 The buffer must be there, used by one thread at a time.
 */
const char *metes_freelist_check(const struct metes_freelist *list);

/*
 The name of the function in which a process has ended, such as "metes_freelist_free"; NULL if none has. Static.

 # Safety
 It must be a free list.
 */
const char *metes_freelist_unfinished(const struct metes_freelist *list);

/*
 Makes a list whole in which a process has ended: the index, tags and figures are made anew from the headers. The
 block that the process was getting may be lost, and the one that it was giving back may still be in use. Returns
 0, or -1 with EINVAL, and changes nothing, if a header is damaged: `metes_freelist_check` says what.

 # Safety
 The buffer must be there, and nobody else may use it meanwhile.
 */
int metes_freelist_recover(struct metes_freelist *list);

/*
 Says that the buffer has `bytes` bytes now, more than before. Fewer than 48 more may stay unused until more come.
 Returns 0, or -1 with EINVAL if they are fewer than before.

 # Safety
 It must be a free list, used by one thread at a time, and the buffer must have as many.
 */
int metes_freelist_grow(struct metes_freelist *list,
                        size_t bytes);

/*
 Makes a stack with a range of its own: `bytes` bytes for blocks, each of which takes 8 more, rounded up to a
 multiple of 16. `options` may be NULL. NULL with ENOMEM if there is no memory, with EINVAL, and a line on standard
 error, if an option is not valid. `metes_stack_destroy` gives it back.

 # Safety
 The options must have as many bytes as they say.
 */
struct metes_stack *metes_stack_new(size_t bytes,
                                    const struct metes_stack_options *options);

/*
 Makes a stack in `buffer`, which is aligned to 16 bytes, and at whose start its control block of some 80 bytes is.
 NULL with EINVAL, and a line on standard error, if that cannot be. Destroying it is not needed.

 # Safety
 The buffer must have `bytes` bytes, which nobody else uses, for as long as the stack is used.
 */
struct metes_stack *metes_stack_over(void *buffer,
                                     size_t bytes);

/*
 A block of `bytes` bytes at the low end, aligned to 16. NULL with ENOMEM if there is no room. A size of 0 gives a
 block too.

 # Safety
 It must be a stack, used by one thread at a time.
 */
void *metes_stack_push(struct metes_stack *stack,
                       size_t bytes)
METES_ALLOC(2);

/*
 The same at a multiple of `alignment`, a power of two: else NULL with EINVAL.

 # Safety
 It must be a stack, used by one thread at a time.
 */
void *metes_stack_push_aligned(struct metes_stack *stack,
                               size_t alignment,
                               size_t bytes)
METES_ALIGNED(2);

/*
 A block of `bytes` bytes at the high end, aligned to 16.

 # Safety
 It must be a stack, used by one thread at a time.
 */
void *metes_stack_push_high(struct metes_stack *stack, size_t bytes) METES_ALLOC(2);

/*
 The same at a multiple of `alignment`.

 # Safety
 It must be a stack, used by one thread at a time.
 */
void *metes_stack_push_high_aligned(struct metes_stack *stack,
                                    size_t alignment,
                                    size_t bytes)
METES_ALIGNED(2);

/*
 Pops a block of the low end and all that was pushed there after it. NULL does nothing. What is no block of this
 end, or popped already, is reported.

 # Safety
 It must be a stack, used by one thread at a time, and nothing may use the blocks any more.
 */
void metes_stack_pop(struct metes_stack *stack,
                     void *block);

/*
 The same of the high end.

 # Safety
 It must be a stack, used by one thread at a time, and nothing may use the blocks any more.
 */
void metes_stack_pop_high(struct metes_stack *stack, void *block);

/*
 A mark of where the low end stands, for `metes_stack_rewind`.

 # Safety
 It must be a stack, used by one thread at a time.
 */
uint64_t metes_stack_mark(const struct metes_stack *stack);

/*
 Pops all that was pushed at the low end since a mark. What is no mark of this end, or one from before a pop that
 went below it, is reported.

 # Safety
 It must be a stack, used by one thread at a time, and nothing may use the blocks any more.
 */
void metes_stack_rewind(struct metes_stack *stack,
                        uint64_t mark);

/*
 A mark of where the high end stands, for `metes_stack_rewind_high`.

 # Safety
 It must be a stack, used by one thread at a time.
 */
uint64_t metes_stack_mark_high(const struct metes_stack *stack);

/*
 Pops all that was pushed at the high end since a mark.

 # Safety
 It must be a stack, used by one thread at a time, and nothing may use the blocks any more.
 */
void metes_stack_rewind_high(struct metes_stack *stack, uint64_t mark);

/*
 How many bytes are in use at both ends, words and padding included.

 # Safety
 It must be a stack, used by one thread at a time.
 */
size_t metes_stack_used(const struct metes_stack *stack);

/*
 How many bytes are left between the ends. A block of 8 fewer fits, if that is a multiple of 16 bytes and 8.

 # Safety
 It must be a stack, used by one thread at a time.
 */
size_t metes_stack_left(const struct metes_stack *stack);

/*
 Writes what the stack holds to `out`, of which the caller says how many bytes there are: `sizeof(struct
 metes_stack_stats)`. Returns how many bytes it wrote.

 # Safety
 It must be a stack, used by one thread at a time, and `out` must be valid for writes of `size` bytes.
 */
size_t metes_stack_stats(const struct metes_stack *stack,
                         struct metes_stack_stats *out,
                         size_t size);

/*
 Checks the control block and the word beside each block. NULL if all is whole, else a static text that names the
 first that is not.

 # Safety
 It must be a stack, used by one thread at a time.
 */
const char *metes_stack_check(const struct metes_stack *stack);

/*
 Ends a stack, with all that was pushed. NULL does nothing.

 # Safety
 It must be a stack, and nothing may use it or its blocks any more.
 */
void metes_stack_destroy(struct metes_stack *stack);

/*
 Makes a buddy allocator over the `bytes` bytes at `range`, or, if that is NULL, over as many of malloc's. Any
 number of bytes will do. Each block's address is a multiple of its size; of offsets the same is true. NULL for
 `options` means all defaults. Returns NULL with EINVAL in errno when something is not valid, and a line on
 standard error says what is, or with ENOMEM.

 # Safety
 `range` and the options' `control` are nobody else's until the allocator was destroyed, and `options` is NULL or
 has as many bytes as its `size` says.
 */
struct metes_buddy *metes_buddy_new(void *range,
                                    size_t bytes,
                                    const struct metes_buddy_options *options);

/*
 How many bytes the options' `control` has to have for `metes_buddy_new` with the same arguments; a range of
 malloc's may take as many again. 0 with EINVAL when something is not valid.

 # Safety
 `options` is NULL or has as many bytes as its `size` says.
 */
size_t metes_buddy_control_bytes(void *range,
                                 size_t bytes,
                                 const struct metes_buddy_options *options);

/*
 Gives back what malloc has served for it. NULL is fine. A range and a control block of the caller's stay the
 caller's.

 # Safety
 Nothing of the allocator is used any more.
 */
void metes_buddy_destroy(struct metes_buddy *buddy);

/*
 The lowest free block of the smallest size that has at least `bytes` bytes. No bytes have a block of their own,
 too. NULL and ENOMEM if there is none, NULL and EINVAL of an allocator of offsets.


 # Safety
 `buddy` is one.
 */
void *metes_buddy_alloc(struct metes_buddy *buddy,
                        size_t bytes)
METES_ALLOC(2);

/*
 The same for an order: blocks of order 0 are the smallest, and each order's are twice as large as those of the one
 before.

 # Safety
 `buddy` is one.
 */
void *metes_buddy_alloc_order(struct metes_buddy *buddy,
                              size_t order);

/*
 Takes a block back. NULL is fine. A pointer to what is no block that is out is reported: M001, M003 or M004.

 # Safety
 `buddy` is one.
 */
void metes_buddy_free(struct metes_buddy *buddy,
                      void *block);

/*
 How many bytes a block has; 0 for NULL. Reports as `metes_buddy_free`, with M002 for a block that is free.

 # Safety
 `buddy` is one.
 */
size_t metes_buddy_usable_size(const struct metes_buddy *buddy,
                               void *block);

/*
 Makes a block one for `bytes` bytes: where it is, if it becomes smaller or the blocks behind it are free, else
 elsewhere. NULL is as `metes_buddy_alloc`. NULL and ENOMEM if there is no such block: then the old one stays.

 # Safety
 `buddy` is one, and the block the caller's.
 */
void *metes_buddy_realloc(struct metes_buddy *buddy,
                          void *block,
                          size_t bytes);

/*
 As `metes_buddy_alloc`, but returns how far from the start of the range the block is, and `(size_t)-1` if there is
 none. Memory is not touched.

 # Safety
 `buddy` is one.
 */
size_t metes_buddy_alloc_offset(struct metes_buddy *buddy,
                                size_t bytes);

/*
 Takes back the block at an offset. Reports as `metes_buddy_free`.

 # Safety
 `buddy` is one.
 */
void metes_buddy_free_offset(struct metes_buddy *buddy, size_t offset);

/*
 Frees all blocks at once.

 # Safety
 `buddy` is one, and nobody uses a block of it any more.
 */
void metes_buddy_reset(struct metes_buddy *buddy);

/*
 Checks every invariant of the allocator. Returns NULL if all hold, else a text that names the first broken one.
 Static.

 # Safety
 `buddy` is one.
 */
const char *metes_buddy_check(const struct metes_buddy *buddy);

/*
 Writes the statistics to `out`, of which the caller says how many bytes there are: `sizeof(struct
 metes_buddy_stats)`. A library newer than the header writes no more than that. Returns how many bytes it wrote.

 # Safety
 `buddy` is one, and `out` valid for writes of `size` bytes.
 */
size_t metes_buddy_stats(const struct metes_buddy *buddy,
                         struct metes_buddy_stats *out,
                         size_t size);

/*
 Makes a pool of objects of `object_bytes` bytes, up to 256 MiB. NULL for `options` means all defaults. Returns
 NULL with EINVAL in errno when an option is not valid, and a line on standard error says what is, or with ENOMEM.

 # Safety
 `options` is NULL or has as many bytes as its `size` says; the callbacks may be called until the pool was destroyed.
 */
struct metes_pool *metes_pool_new(size_t object_bytes,
                                  const struct metes_pool_options *options);

/*
 Destructs all objects, those that are out too, and gives all memory back. NULL is fine.

 # Safety
 Nothing of the pool is used any more.
 */
void metes_pool_destroy(struct metes_pool *pool);

/*
 The free object with the lowest address. It is as the constructor, or who freed it, has left it. NULL and ENOMEM
 if as many are out as may be, without memory, or if the constructor has failed.

 # Safety
 `pool` is one.
 */
void *metes_pool_alloc(struct metes_pool *pool);

/*
 Takes an object back; nothing is written to it. NULL is fine. A pointer that is no object of this pool's that is
 out is reported: M001, M003 or M004.

 # Safety
 `pool` is one.
 */
void metes_pool_free(struct metes_pool *pool,
                     void *object);

/*
 Calls a function for each object that is out, in the order of their addresses, until it returns other than 0;
 returns that, or else 0. It may free the object that it is given, and call any other function for the pool but
 `metes_pool_destroy`: objects that come out behind the one it was given are visited, and those that were freed are
 not.

 # Safety
 `pool` is one, and `callback` a function.
 */
int metes_pool_for_each(struct metes_pool *pool,
                        int (*callback)(void *object, void *argument),
                        void *argument);

/*
 1 if an object of the pool's that is out starts there, else 0. Any pointer may be asked for.

 # Safety
 `pool` is one.
 */
int metes_pool_owns(const struct metes_pool *pool, const void *object);

/*
 How many objects are out.

 # Safety
 `pool` is one.
 */
size_t metes_pool_count(const struct metes_pool *pool);

/*
 Gives the slabs back that have no object out. Returns how many bytes that were.

 # Safety
 `pool` is one.
 */
size_t metes_pool_trim(struct metes_pool *pool);

/*
 Frees all objects at once. They stay constructed, and the slabs stay.

 # Safety
 `pool` is one, and nobody uses an object of it any more.
 */
void metes_pool_reset(struct metes_pool *pool);

/*
 Checks every invariant of the pool. Returns NULL if all hold, else a text that names the first broken one. Static.

 # Safety
 `pool` is one.
 */
const char *metes_pool_check(const struct metes_pool *pool);

/*
 Writes the statistics to `out`, of which the caller says how many bytes there are: `sizeof(struct
 metes_pool_stats)`. A library newer than the header writes no more than that. Returns how many bytes it wrote.

 # Safety
 `pool` is one, and `out` valid for writes of `size` bytes.
 */
size_t metes_pool_stats(const struct metes_pool *pool,
                        struct metes_pool_stats *out,
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
