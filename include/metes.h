/* metes: a malloc replacement. The malloc family itself is declared by <stdlib.h> and <malloc.h>.
   SPDX-License-Identifier: MIT OR Apache-2.0 */

#ifndef METES_H
#define METES_H

/* Made by cbindgen from src/abi; a test holds it equal to the source. */

#include <stddef.h>
#include <stdint.h>

/* What a function says of what it returns: a new block, so many bytes large as its nth argument says, that is not to be ignored. */
#if defined(__GNUC__)
#define METES_ALLOC(n) __attribute__((malloc, alloc_size(n), warn_unused_result))
#else
#define METES_ALLOC(n)
#endif

/*
 A buddy allocator: blocks of a power of two each, of a range of memory or of offsets. One thread at a time may use it, unless it was made with `shared`.
 */
struct metes_buddy;

/*
 A pool of objects of one size. One thread at a time may use it, unless it was made with `shared`.
 */
struct metes_pool;

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
   1 if there is no memory, and `metes_buddy_alloc_offset` is all that is wanted: `range` is NULL then, and offsets are those from 0 to `bytes`.
   */
  size_t offsets;
  /*
   Memory for all that the allocator knows, aligned to 16 and not in the range, or NULL: then malloc serves it. See `metes_buddy_control_bytes`.
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
   What each object's address is a multiple of: a power of two. By default the largest that divides the size of an object, up to 16,
   which is enough for any C type of that size that asks for no more by itself.
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
   Constructs an object when its slab is made, before it is handed out for the first time; 0 if it has worked. It may not use the object's pool.
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
 Makes a buddy allocator over the `bytes` bytes at `range`, or, if that is NULL, over as many of malloc's. Any number of bytes will do. Each block's address is
 a multiple of its size; of offsets the same is true. NULL for `options` means all defaults. Returns NULL with EINVAL in errno when something is not
 valid, and a line on standard error says what is, or with ENOMEM.

 # Safety
 `range` and the options' `control` are nobody else's until the allocator was destroyed, and `options` is NULL or has as many bytes as its `size` says.
 */
struct metes_buddy *metes_buddy_new(void *range,
                                    size_t bytes,
                                    const struct metes_buddy_options *options);

/*
 How many bytes the options' `control` has to have for `metes_buddy_new` with the same arguments; a range of malloc's may take as many again. 0 with EINVAL
 when something is not valid.

 # Safety
 `options` is NULL or has as many bytes as its `size` says.
 */
size_t metes_buddy_control_bytes(void *range,
                                 size_t bytes,
                                 const struct metes_buddy_options *options);

/*
 Gives back what malloc has served for it. NULL is fine. A range and a control block of the caller's stay the caller's.

 # Safety
 Nothing of the allocator is used any more.
 */
void metes_buddy_destroy(struct metes_buddy *buddy);

/*
 The lowest free block of the smallest size that has at least `bytes` bytes. No bytes have a block of their own, too. NULL and ENOMEM if there is none,
 NULL and EINVAL of an allocator of offsets.


 # Safety
 `buddy` is one.
 */
void *metes_buddy_alloc(struct metes_buddy *buddy,
                        size_t bytes)
METES_ALLOC(2);

/*
 The same for an order: blocks of order 0 are the smallest, and each order's are twice as large as those of the one before.

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
 Makes a block one for `bytes` bytes: where it is, if it becomes smaller or the blocks behind it are free, else elsewhere. NULL is as `metes_buddy_alloc`. NULL
 and ENOMEM if there is no such block: then the old one stays.

 # Safety
 `buddy` is one, and the block the caller's.
 */
void *metes_buddy_realloc(struct metes_buddy *buddy,
                          void *block,
                          size_t bytes);

/*
 As `metes_buddy_alloc`, but returns how far from the start of the range the block is, and `(size_t)-1` if there is none. Memory is not touched.

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
 Checks every invariant of the allocator. Returns NULL if all hold, else a text that names the first broken one. Static.

 # Safety
 `buddy` is one.
 */
const char *metes_buddy_check(const struct metes_buddy *buddy);

/*
 Writes the statistics to `out`, of which the caller says how many bytes there are: `sizeof(struct metes_buddy_stats)`. A library newer than
 the header writes no more than that. Returns how many bytes it wrote.

 # Safety
 `buddy` is one, and `out` valid for writes of `size` bytes.
 */
size_t metes_buddy_stats(const struct metes_buddy *buddy,
                         struct metes_buddy_stats *out,
                         size_t size);

/*
 Makes a pool of objects of `object_bytes` bytes, up to 256 MiB. NULL for `options` means all defaults. Returns NULL with EINVAL in errno when an
 option is not valid, and a line on standard error says what is, or with ENOMEM.

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
 The free object with the lowest address. It is as the constructor, or who freed it, has left it. NULL and ENOMEM if as many are out as may be,
 without memory, or if the constructor has failed.

 # Safety
 `pool` is one.
 */
void *metes_pool_alloc(struct metes_pool *pool);

/*
 Takes an object back; nothing is written to it. NULL is fine. A pointer that is no object of this pool's that is out is reported: M001, M003
 or M004.

 # Safety
 `pool` is one.
 */
void metes_pool_free(struct metes_pool *pool,
                     void *object);

/*
 Calls a function for each object that is out, in the order of their addresses, until it returns other than 0; returns that, or else 0. It may free the
 object that it is given, and call any other function for the pool but `metes_pool_destroy`: objects that come out behind the one it was given are
 visited, and those that were freed are not.

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
 Writes the statistics to `out`, of which the caller says how many bytes there are: `sizeof(struct metes_pool_stats)`. A library newer than
 the header writes no more than that. Returns how many bytes it wrote.

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
