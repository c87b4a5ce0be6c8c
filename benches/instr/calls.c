// calls: makes the same calls of the malloc family over and over, for scripts/bench-instr to count the instructions.
//
//     calls CASE SIZE COUNT [empty]      prints the library that malloc is from
//
// Only what runs inside the functions called counted_* is counted, with all they call. `empty` calls functions that do
// nothing in malloc's place: what that costs is the loop's. Sizes come from the command line, calls go through pointers
// that the compiler cannot see through: nothing is folded, inlined or left out.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FEW = 6,    // fits into everybody's cache of one size, glibc's seven too
    MANY = 256, // does not
    HANDED = 64 // from thread to thread at a time
};

#define COUNTED __attribute__((noinline, noclone))

static char nothing[64];
static void *empty_malloc(size_t size) { return nothing + (size & 15); }
static void *empty_calloc(size_t n, size_t size) { return nothing + ((n ^ size) & 15); }
static void *empty_realloc(void *p, size_t size) { return (char *)p + (size & 0); }
static void empty_free(void *p) { (void)p; }

static struct {
    void *(*volatile malloc)(size_t);
    void *(*volatile calloc)(size_t, size_t);
    void *(*volatile realloc)(void *, size_t);
    void (*volatile free)(void *);
} call = {malloc, calloc, realloc, free};

static void *blocks[MANY];

static void allocate(size_t size, size_t n)
{
    for (size_t i = 0; i < n; i++)
        blocks[i] = call.malloc(size);
}

static void release(size_t n)
{
    for (size_t i = 0; i < n; i++)
        call.free(blocks[i]);
}

COUNTED void counted_allocate(size_t size, size_t n) { allocate(size, n); }
COUNTED void counted_release(size_t n) { release(n); }

COUNTED void counted_callocs(size_t size, size_t n)
{
    for (size_t i = 0; i < n; i++)
        blocks[i] = call.calloc(1, size);
}

COUNTED void counted_pairs(size_t size, size_t n)
{
    for (size_t i = 0; i < n; i++)
        call.free(call.malloc(size));
}

COUNTED void counted_reallocs(void *p, size_t size, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p = call.realloc(p, size + (i & 4));
    blocks[0] = p;
}

static pthread_barrier_t allocated, released;
static size_t handovers;

static void *other_thread(void *argument)
{
    for (size_t i = 0; i < handovers; i++) {
        pthread_barrier_wait(&allocated);
        counted_release(HANDED);
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

static bool run(const char *which, size_t size, size_t count)
{
    if (!strcmp(which, "malloc"))
        for (size_t i = 0; i < count; i += FEW) {
            counted_allocate(size, FEW);
            release(FEW);
        }
    else if (!strcmp(which, "free"))
        for (size_t i = 0; i < count; i += FEW) {
            allocate(size, FEW);
            counted_release(FEW);
        }
    else if (!strcmp(which, "calloc"))
        for (size_t i = 0; i < count; i += FEW) {
            counted_callocs(size, FEW);
            release(FEW);
        }
    else if (!strcmp(which, "batch"))
        for (size_t i = 0; i < count; i += MANY) {
            counted_allocate(size, MANY);
            counted_release(MANY);
        }
    else if (!strcmp(which, "pair"))
        counted_pairs(size, count);
    else if (!strcmp(which, "realloc")) {
        counted_reallocs(call.malloc(size), size, count);
        call.free(blocks[0]);
    } else if (!strcmp(which, "remote-free"))
        remote(size, count, allocate);
    else if (!strcmp(which, "remote-pair"))
        remote(size, count, counted_allocate);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    Dl_info where;
    if (argc < 4 || !dladdr((void *)call.malloc, &where))
        return 2;
    puts(where.dli_fname);
    if (argc > 4) {
        call.malloc = empty_malloc;
        call.calloc = empty_calloc;
        call.realloc = empty_realloc;
        call.free = empty_free;
    }
    return run(argv[1], strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10)) ? 0 : 2;
}
