// calls: makes the same calls of the malloc family over and over, for scripts/bench-instr to count the instructions.
//
//     calls CASE NUMBER COUNT [empty]      prints the library that malloc is from; NUMBER is a size, or an alignment
//
// Only the functions named counted_* are counted, with all that they call. `empty` calls functions that do nothing
// in malloc's place: their cost is the loop's. Sizes come from the command line, and calls go through pointers that
// the compiler cannot see through: nothing is folded, inlined or left out. Status 3: the process does not have the
// function that CASE calls.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    FEW = 6,    // fits into every allocator's cache of one size, glibc's of seven too
    MANY = 256, // does not
    HANDED = 64 // passed to another thread at a time
};

#define COUNTED __attribute__((noinline, noclone))

static char nothing[64];
static void *empty_malloc(size_t size) { return nothing + (size & 15); }
static void *empty_calloc(size_t n, size_t size) { return nothing + ((n ^ size) & 15); }
static void *empty_realloc(void *p, size_t size) { return (char *)p + (size & 0); }
static void empty_free(void *p) { (void)p; }
static void empty_free_sized(void *p, size_t size) { (void)p, (void)size; }
static size_t empty_usable(void *p) { return (size_t)p & 15; }

static struct {
    void *(*volatile malloc)(size_t);
    void *(*volatile calloc)(size_t, size_t);
    void *(*volatile realloc)(void *, size_t);
    void *(*volatile aligned)(size_t, size_t);
    void (*volatile free)(void *);
    void (*volatile free_sized)(void *, size_t);
    size_t (*volatile usable)(void *);
} call = {malloc, calloc, realloc, aligned_alloc, free, NULL, malloc_usable_size},
  empty = {empty_malloc, empty_calloc, empty_realloc, empty_calloc, empty_free, empty_free_sized, empty_usable};

static void *blocks[MANY];

// Each defines two functions: `name` for calls before or after those of interest, and counted_`name` for those.
#define CALLS(name, one)                                                                                               \
    static void name(size_t number, size_t n)                                                                          \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++)                                                                                 \
            one;                                                                                                       \
    }                                                                                                                  \
    COUNTED void counted_##name(size_t number, size_t n) { name(number, n); }

CALLS(allocate, blocks[i] = call.malloc(number))
CALLS(release, call.free(blocks[i]))
CALLS(release_sized, call.free_sized(blocks[i], number))
CALLS(allocate_zeroed, blocks[i] = call.calloc(1, number))
CALLS(allocate_aligned, blocks[i] = call.aligned(number, 100))
CALLS(measure, call.usable(blocks[0]))
CALLS(pairs, call.free(call.malloc(number)))
CALLS(grow, call.free(call.realloc(call.realloc(call.realloc(NULL, number / 4), number), 4 * number)))
CALLS(reallocate, blocks[0] = call.realloc(blocks[0], number + (i & 4)))

static pthread_barrier_t allocated, released;
static size_t handovers;

static void *other_thread(void *argument)
{
    for (size_t i = 0; i < handovers; i++) {
        pthread_barrier_wait(&allocated);
        counted_release(0, HANDED);
        pthread_barrier_wait(&released);
    }
    return argument;
}

static void remote(size_t size, size_t count, void (*allocate_them)(size_t, size_t))
{
    pthread_t other;
    handovers = count / HANDED;
    pthread_barrier_init(&allocated, NULL, 2);
    pthread_barrier_init(&released, NULL, 2);
    if (pthread_create(&other, NULL, other_thread, NULL))
        exit(1);
    for (size_t i = 0; i < handovers; i++) {
        allocate_them(size, HANDED);
        pthread_barrier_wait(&allocated);
        pthread_barrier_wait(&released);
    }
    pthread_join(other, NULL);
}

static const struct {
    const char *name;
    void (*first)(size_t, size_t), (*then)(size_t, size_t);
    size_t n; // calls of `first`, then as many of `then`
} TURNS[] = {
    {"malloc", counted_allocate, release, FEW},
    {"free", allocate, counted_release, FEW},
    {"batch", counted_allocate, counted_release, MANY},
    {"calloc", counted_allocate_zeroed, release, FEW},
    {"aligned", counted_allocate_aligned, release, FEW},
    {"free_sized", allocate, counted_release_sized, FEW},
    {"new", counted_allocate, release, FEW},
    {"delete", allocate, counted_release, FEW},
    {"sized-delete", allocate, counted_release_sized, FEW},
};

// The newest blocks are in another 4 GiB of addresses than the FEW that are freed, as in a heap that has outgrown
// that.
static void far(size_t size, size_t count)
{
    allocate(size, FEW);
    // Leaves little room in the same 4 GiB for new memory.
    size_t step = 2 << 20, start = (size_t)blocks[0] >> 32 << 32;
    for (size_t at = start ? start : step; at - start < 1ul << 32; at += step)
        mmap((void *)at, step, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    size_t left = (64ul << 20) / size;
    while (call.malloc != empty_malloc && (size_t)call.malloc(size) >> 32 == (size_t)blocks[0] >> 32)
        if (!left--)
            exit(3);
    for (size_t i = 0; i < count; i += FEW) {
        counted_release(size, FEW);
        allocate(size, FEW);
    }
}

static void on_one_block(size_t number, size_t count, void (*counted)(size_t, size_t))
{
    allocate(number, 1);
    counted(number, count);
    release(number, 1);
}

static bool run(const char *which, size_t number, size_t count)
{
    for (size_t k = 0; k < sizeof TURNS / sizeof *TURNS; k++)
        if (!strcmp(which, TURNS[k].name)) {
            for (size_t i = 0; i < count; i += TURNS[k].n) {
                TURNS[k].first(number, TURNS[k].n);
                TURNS[k].then(number, TURNS[k].n);
            }
            return true;
        }
    if (!strcmp(which, "pair"))
        counted_pairs(number, count);
    else if (!strcmp(which, "grow"))
        counted_grow(number, count);
    else if (!strcmp(which, "far-free"))
        far(number, count);
    else if (!strcmp(which, "realloc"))
        on_one_block(number, count, counted_reallocate);
    else if (!strcmp(which, "usable"))
        on_one_block(number, count, counted_measure);
    else if (!strcmp(which, "remote-free"))
        remote(number, count, allocate);
    else if (!strcmp(which, "remote-pair"))
        remote(number, count, counted_allocate);
    else
        return false;
    return true;
}

static void *function(const char *name)
{
    void *found = dlsym(RTLD_DEFAULT, name);
    if (!found)
        exit(3);
    return found;
}

// Looks up functions that not every process has. Where an allocator has no operators of its own, those of libstdc++
// call it.
static void find_functions(const char *which)
{
    if (!strcmp(which, "free_sized"))
        call.free_sized = function("free_sized");
    else if (!strcmp(which, "new") || strstr(which, "delete")) {
        dlopen("libstdc++.so.6", RTLD_NOW | RTLD_GLOBAL);
        call.malloc = function("_Znwm");
        call.free = function("_ZdlPv");
        call.free_sized = function("_ZdlPvm");
    }
}

int main(int argc, char **argv)
{
    Dl_info where;
    if (argc < 4 || !dladdr((void *)call.malloc, &where))
        return 2;
    puts(where.dli_fname);
    if (argc > 4)
        call = empty;
    else
        find_functions(argv[1]);
    return run(argv[1], strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10)) ? 0 : 2;
}
