/* metes: a malloc replacement. The malloc family itself is declared by <stdlib.h> and <malloc.h>.
   SPDX-License-Identifier: MIT OR Apache-2.0 */

#ifndef METES_H
#define METES_H

/* Made by cbindgen from src/abi/metes.rs; a test holds it equal to the source. */

#include <stddef.h>
#include <stdint.h>

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

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* METES_H */
