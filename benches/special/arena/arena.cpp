// arena WHAT WHICH ROUNDS: nanoseconds of processor time for an allocation, the least of several rounds. `run` calls
// it. Built twice: with METES for metes.h and metes.hpp, and without for the peers, which have their memory from glibc
// then.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory_resource>
#include <time.h>
#ifdef METES
#include "metes.hpp"
#else
#include <apr_general.h>
#include <apr_pools.h>
extern "C" {
#include <talloc.h>
}
#endif

static const size_t COUNT = 1000, MANY = 1000000;
static size_t sizes[COUNT];

static double processor_time() {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static inline void touch(void *piece) {
    *static_cast<size_t *>(piece) = 1;
    __asm__ volatile("" : : "r"(piece) : "memory");
}

#ifdef METES
struct Metes {
    metes_arena *arena = metes_arena_new(nullptr);
    ~Metes() { metes_arena_destroy(arena); }
    void *alloc(size_t bytes) { return metes_arena_alloc(arena, bytes); }
    void reset() { metes_arena_reset(arena); }
};
// As its peer of that name: with a first chunk that is large enough for a thousand.
struct ResourceBuffer {
    static metes_arena_options options() {
        metes_arena_options options = {};
        options.size = sizeof options;
        options.first_chunk = 512 << 10;
        return options;
    }
    metes::arena arena{options()};
    metes::arena_resource own{arena};
    std::pmr::memory_resource *resource = &own;
    ResourceBuffer() { __asm__ volatile("" : "+r"(resource)); }
    void *alloc(size_t bytes) { return resource->allocate(bytes); }
    void reset() { arena.reset(); }
};
struct Resource {
    metes::arena arena;
    metes::arena_resource own{arena};
    std::pmr::memory_resource *resource = &own;
    Resource() { __asm__ volatile("" : "+r"(resource)); }
    void *alloc(size_t bytes) { return resource->allocate(bytes); }
    void reset() { arena.reset(); }
};
#else
struct Apr {
    apr_pool_t *pool;
    Apr() { apr_pool_create(&pool, nullptr); }
    ~Apr() { apr_pool_destroy(pool); }
    void *alloc(size_t bytes) { return apr_palloc(pool, bytes); }
    void reset() { apr_pool_clear(pool); }
};
struct Talloc {
    // A pool has room for so much, and what does not fit comes from malloc.
    static constexpr size_t POOL = 512 << 10;
    void *pool = talloc_pool(nullptr, POOL);
    ~Talloc() { talloc_free(pool); }
    void *alloc(size_t bytes) { return talloc_size(pool, bytes); }
    void reset() { talloc_free_children(pool); }
};
struct Monotonic {
    std::pmr::monotonic_buffer_resource own;
    std::pmr::memory_resource *resource = &own;
    Monotonic() { __asm__ volatile("" : "+r"(resource)); }
    void *alloc(size_t bytes) { return resource->allocate(bytes); }
    void reset() { own.release(); }
};
// Over a buffer that is large enough: it keeps that at a release, as metes keeps its chunks.
struct MonotonicBuffer {
    static constexpr size_t BUFFER = 512 << 10;
    void *buffer = malloc(BUFFER);
    std::pmr::monotonic_buffer_resource own{buffer, BUFFER};
    std::pmr::memory_resource *resource = &own;
    MonotonicBuffer() { __asm__ volatile("" : "+r"(resource)); }
    ~MonotonicBuffer() { own.release(), free(buffer); }
    void *alloc(size_t bytes) { return resource->allocate(bytes); }
    void reset() { own.release(); }
};
#endif

template <typename Peer> static double measure(const char *what, int rounds) {
    double least = 1e9;
    Peer kept;
    for (int round = 0; round < rounds; round++) {
        double start = processor_time();
        size_t count = MANY;
        if (!strcmp(what, "reset")) {
            for (int k = 0; k < 1000; k++) {
                for (size_t n = 0; n < COUNT; n++) touch(kept.alloc(sizes[n]));
                kept.reset();
            }
        } else {
            Peer fresh;
            for (size_t n = 0; n < MANY; n++) touch(fresh.alloc(sizes[n % COUNT]));
        }
        double each = (processor_time() - start) / count;
        if (each < least) least = each;
    }
    return least;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    const char *what = argv[1], *which = argv[2];
    int rounds = atoi(argv[3]);
    uint64_t state = 88172645463325252u;
    for (size_t n = 0; n < COUNT; n++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        sizes[n] = 16 + state % 241;
    }
    double least = -1;
#ifdef METES
    if (!strcmp(which, "metes")) least = measure<Metes>(what, rounds);
    if (!strcmp(which, "metes-pmr-buffer")) least = measure<ResourceBuffer>(what, rounds);
    if (!strcmp(which, "metes-pmr")) least = measure<Resource>(what, rounds);
#else
    apr_initialize();
    if (!strcmp(which, "apr")) least = measure<Apr>(what, rounds);
    if (!strcmp(which, "talloc")) least = measure<Talloc>(what, rounds);
    if (!strcmp(which, "monotonic")) least = measure<Monotonic>(what, rounds);
    if (!strcmp(which, "monotonic-buffer")) least = measure<MonotonicBuffer>(what, rounds);
#endif
    printf("%.3f\n", least);
    return least < 0;
}
