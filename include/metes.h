/* metes: a malloc replacement. The malloc family itself is declared by <stdlib.h> and <malloc.h>.
   SPDX-License-Identifier: MIT OR Apache-2.0 */

#ifndef METES_H
#define METES_H

/* Made by cbindgen from src/abi/metes.rs and src/abi/special; a test holds it equal to the source. */

#include <stddef.h>
#include <stdint.h>
/* What a compiler may know of a function: which arguments are sizes, that the result is fresh memory and not to be thrown away. */
#if defined(__GNUC__) || defined(__clang__)
#define METES_ALLOC(n) __attribute__((malloc, alloc_size(n), warn_unused_result))
#define METES_ALLOC2(n, m) __attribute__((malloc, alloc_size(n, m), warn_unused_result))
#define METES_ALIGNED(n) __attribute__((malloc, alloc_align(n), warn_unused_result))
#define METES_MUST_USE __attribute__((warn_unused_result))
#else
#define METES_ALLOC(n)
#define METES_ALLOC2(n, m)
#define METES_ALIGNED(n)
#define METES_MUST_USE
#endif

typedef struct metes_freelist metes_freelist;
typedef struct metes_stack metes_stack;

/*
 The smallest block that fits serves a request; of those of more than some KiB that with the lowest address. The default.
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
 A free list: an address-ordered, coalescing heap in a buffer of the caller's, at whose start its control block is. One thread at a time uses it.
 */
struct metes_freelist;

/*
 A stack: blocks in one range, from its start and from its end; those pushed last are popped first. One thread at a time uses it.
 */
struct metes_stack;

/*
 Called when `bytes` bytes cannot be had, with no lock held. It returns other than 0 if the request is to be tried again, as it has
 freed something; with 0 the request fails: NULL and ENOMEM, or, after the new-handlers, `std::bad_alloc`. See `metes_set_oom_handler`.
 */
typedef int (*metes_oom_handler)(size_t bytes);

/*
 What the allocator has served since the process started, and holds now. Calls are those that succeeded; a realloc counts as
 one, whatever it does. In C++ write `struct metes_stats`: the function of that name hides the type.
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
   Calls of free and its forms, operator delete among them.
   */
  uint64_t free_calls;
  /*
   Bytes in blocks handed out: small ones count with their size class, others with their header. Without mappings.
   */
  size_t heap_live;
  /*
   The most that the heaps have handed out, to slabs too and to those that stand ready: an upper bound of the most that `heap_live` has been.
   */
  size_t heap_peak;
  /*
   Bytes of address space the heaps hold.
   */
  size_t heap_held;
  /*
   Regions the heaps hold.
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
   Their bytes.
   */
  size_t mapping_bytes;
  /*
   The most `mapping_bytes` has been.
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
   How often a thread had to wait for one.
   */
  uint64_t lock_waits;
  /*
   Slabs of the heaps.
   */
  size_t slabs;
  /*
   Their bytes.
   */
  size_t slab_bytes;
  /*
   Those of them that serve several sizes.
   */
  size_t mixed_slabs;
  /*
   Bytes of address space from the operating system, metes' own records included: what the option `limit` limits.
   */
  size_t mapped;
  /*
   Arenas that hold memory.
   */
  size_t arenas;
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
   Not 0 if other processes use the list too, or if the buffer is copied while blocks are in use: valgrind is told nothing of the list then.
   */
  uint32_t shared;
};

/*
 Called for a block of `bytes` usable bytes; `in_use` is 1, or 0 for a free block, whose bytes are the list's. Other than 0 ends the walk.
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
   Not 0 if nothing is popped but by marks: then blocks have no word of 8 bytes beside them, and `metes_stack_pop` cannot be called.
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

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Checks every invariant of the allocator: each block's header and boundary tag, the free lists, the page map, the
 mappings, the counts. Returns NULL if all hold, else a text that names the first broken one and where. The text
 stays valid; the next failing check writes over it. Takes time in proportion to the number of blocks. Thread-safe.
 */
const char *metes_check(void);

/*
 The version of the library that runs, such as "0.1.0". Static.
 */
const char *metes_version(void);

/*
 Gives all free memory that it can back to the operating system. Returns about how many bytes that were. Thread-safe.
 */
size_t metes_purge(void);

/*
 Changes an option while the program runs, as `METES_OPTIONS` sets it at the start: `guard`, `cutoff`, `dirty_max` or `arenas`. Returns
 0, or -1 with EINVAL in errno when the name or the value is not one of these: then a line on standard error says what is valid.
 Thread-safe; not for signal handlers.

 # Safety
 Both must be strings.
 */
int metes_option_set(const char *name,
                     const char *value);

/*
 Sets the handler of the process, or none with NULL, and returns the one before. Thread-safe.

 It is called by the thread that asked for memory, when freed memory has gone back to the system and even so the request cannot be
 served; not for more bytes than there are addresses, not inside fork, and not when a signal handler asks that interrupted malloc or
 free. It may call malloc and free: what it cannot have itself fails at once, without another call on that thread. Several
 threads may be in it at once. It must return: no longjmp, no exception.
 */
metes_oom_handler metes_set_oom_handler(metes_oom_handler handler);

/*
 Writes the statistics to `out`, of which the caller says how many bytes there are: `sizeof(struct metes_stats)`. A
 library newer than the header writes no more than that. Returns how many bytes it wrote. Thread-safe.

 # Safety
 `out` must be valid for writes of `size` bytes.
 */
size_t metes_stats(struct metes_stats *out,
                   size_t size);

/*
 Makes a free list in `buffer`, which is aligned to 16 bytes and has at least 256; what was there is lost. The list is the buffer's address. NULL with
 EINVAL, and a line on standard error, if that cannot be. Memory-mapped, in shared memory or in a file, the buffer may be used by other processes, at
 other addresses, see `metes_freelist_attach`; there the lock has to be one between processes.

 # Safety
 The buffer must have `bytes` bytes, which nobody else uses, for as long as the list is used. `options` may be NULL.
 */
struct metes_freelist *metes_freelist_init(void *buffer,
                                           size_t bytes,
                                           const struct metes_freelist_options *options);

/*
 The free list that is in a buffer of `bytes` bytes: made by another process, or here before the buffer was copied, written to a file, mapped again. NULL
 with EINVAL if there is none. Otherwise errno is 0, or EOWNERDEAD if a process ended inside an operation: then only `metes_freelist_check`,
 `metes_freelist_unfinished` and `metes_freelist_recover` may be called until it is recovered.

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
 A block of `count` times `bytes` bytes, all zero. NULL with ENOMEM if there is none, or if that is more than there are numbers.

 # Safety
 It must be a free list, used by one thread at a time.
 */
void *metes_freelist_calloc(struct metes_freelist *list,
                            size_t count,
                            size_t bytes)
METES_ALLOC2(2, 3);

/*
 A block of `bytes` bytes at an address that is a multiple of `alignment`, a power of two. NULL with EINVAL if that is none, with ENOMEM if there is no
 block. Where the buffer is mapped or copied elsewhere the alignment holds as far as both places share it.

 # Safety
 It must be a free list, used by one thread at a time.
 */
void *metes_freelist_aligned_alloc(struct metes_freelist *list,
                                   size_t alignment,
                                   size_t bytes)
METES_ALIGNED(2);

/*
 Makes a block have `bytes` bytes: where it is, if there is room, else elsewhere, where its bytes move. NULL with ENOMEM if there is no memory: then
 the block is as it was. Of NULL it is `metes_freelist_malloc`. A size of 0 makes the block as small as one can be. What is no block in
 use is reported.

 # Safety
 It must be a free list, used by one thread at a time, and nothing may use the block's old place if there is a new one.
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
 The offset of an address from the list's start, which is the same in every process. 0 for NULL; 0 with EINVAL for what is outside the buffer.

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
 Calls `visitor` with each block in the order of addresses. Returns 0 when all have been visited, what the visitor returned if that was not 0, or -1
 with EINVAL where a header is damaged. The visitor must not change the list.

 # Safety
 It must be a free list, used by one thread at a time.
 */
int metes_freelist_walk(const struct metes_freelist *list,
                        metes_freelist_visitor visitor,
                        void *argument);

/*
 Writes what the list holds to `out`, of which the caller says how many bytes there are: `sizeof(struct metes_freelist_stats)`. Returns how many bytes
 it wrote; 0 with EINVAL if the list cannot be used.

 # Safety
 It must be a free list, used by one thread at a time, and `out` must be valid for writes of `size` bytes.
 */
size_t metes_freelist_stats(const struct metes_freelist *list,
                            struct metes_freelist_stats *out,
                            size_t size);

/*
 Checks every invariant: each header and tag, the index of free blocks, the figures, and that no operation was left unfinished. NULL if all hold, else a
 static text that names the first that does not. Whatever is in the buffer, nothing outside of it is read, and the check ends.

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
 Makes a list whole in which a process has ended: the index, tags and figures are made anew from the headers. The block that the process was getting
 may be lost, and the one that it was giving back may still be in use. Returns 0, or -1 with EINVAL, and changes nothing, if a header is
 damaged: `metes_freelist_check` says what.

 # Safety
 The buffer must be there, and nobody else may use it meanwhile.
 */
int metes_freelist_recover(struct metes_freelist *list);

/*
 Says that the buffer has `bytes` bytes now, more than before. Fewer than 48 more may stay unused until more come. Returns 0, or -1 with EINVAL if they
 are fewer than before.

 # Safety
 It must be a free list, used by one thread at a time, and the buffer must have as many.
 */
int metes_freelist_grow(struct metes_freelist *list,
                        size_t bytes);

/*
 Makes a stack with a range of its own: `bytes` bytes for blocks, each of which takes 8 more, rounded up to a multiple of 16. `options` may be NULL. NULL
 with ENOMEM if there is no memory, with EINVAL, and a line on standard error, if an option is not valid. `metes_stack_destroy` gives it back.

 # Safety
 The options must have as many bytes as they say.
 */
struct metes_stack *metes_stack_new(size_t bytes,
                                    const struct metes_stack_options *options);

/*
 Makes a stack in `buffer`, which is aligned to 16 bytes, and at whose start its control block of some 80 bytes is. NULL with EINVAL, and a line on
 standard error, if that cannot be. Destroying it is not needed.

 # Safety
 The buffer must have `bytes` bytes, which nobody else uses, for as long as the stack is used.
 */
struct metes_stack *metes_stack_over(void *buffer,
                                     size_t bytes);

/*
 A block of `bytes` bytes at the low end, aligned to 16. NULL with ENOMEM if there is no room. A size of 0 gives a block too.

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
 Pops a block of the low end and all that was pushed there after it. NULL does nothing. What is no block of this end, or popped already, is reported.

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
 Pops all that was pushed at the low end since a mark. What is no mark of this end, or one from before a pop that went below it, is reported.

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
 Writes what the stack holds to `out`, of which the caller says how many bytes there are: `sizeof(struct metes_stack_stats)`. Returns how many bytes it
 wrote.

 # Safety
 It must be a stack, used by one thread at a time, and `out` must be valid for writes of `size` bytes.
 */
size_t metes_stack_stats(const struct metes_stack *stack,
                         struct metes_stack_stats *out,
                         size_t size);

/*
 Checks the control block and the word beside each block. NULL if all is whole, else a static text that names the first that is not.

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

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* METES_H */
