// Heaps by name beside mimalloc's and jemalloc's arenas, loaded by dlopen: `heaps metes|mi|je|je-cached LIBRARY [SINGLE]` prints five figures in ns of CPU time, the
// least of the rounds:
// a heap with 1,000 blocks made and destroyed, one with a block, one with none, a random block replaced, a batch's pair.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 15, BLOCKS = 1024, HEAPS = 200, SMALL_HEAPS = 1000, REPLACED = 200000, BATCHES = 200 };

static void *(*new_heap)(void *options);
static void *(*allocate)(void *heap, size_t bytes);
static void (*release)(void *heap, void *block);
static void (*destroy)(void *heap);
static void (*mi_free)(void *block);

// As struct metes_heap_options.
static struct {
    size_t size;
    const char *name;
    size_t limit;
    int fit, single_threaded;
} options = {.size = sizeof options, .single_threaded = 1};

static uint32_t sizes[BLOCKS];
static uint64_t state = 1;

static uint64_t next_random(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

static void mi_release(void *heap, void *block) {
    (void)heap;
    mi_free(block);
}

// jemalloc: an arena each, with or without a thread cache of its own. A heap is the flags of its calls.
static int (*je_mallctl)(const char *name, void *old, size_t *old_size, void *new, size_t new_size);
static void *(*je_mallocx)(size_t bytes, int flags);
static void (*je_dallocx)(void *block, int flags);
static int je_cached;

static void je_call(const char *name, void *old, size_t old_size) {
    if (je_mallctl(name, old, old ? &old_size : NULL, NULL, 0)) {
        fprintf(stderr, "heaps: %s failed\n", name);
        exit(1);
    }
}

static void *je_new(void *unused) {
    (void)unused;
    unsigned arena, cache = 0;
    je_call("arenas.create", &arena, sizeof arena);
    if (je_cached) {
        je_call("tcache.create", &cache, sizeof cache);
    }
    // MALLOCX_ARENA, and MALLOCX_TCACHE or MALLOCX_TCACHE_NONE.
    return (void *)(uintptr_t)((arena + 1) << 20 | (je_cached ? cache + 2 : 1) << 8);
}

static void *je_allocate(void *heap, size_t bytes) {
    return je_mallocx(bytes, (int)(uintptr_t)heap);
}

static void je_release(void *heap, void *block) {
    je_dallocx(block, (int)(uintptr_t)heap);
}

static void je_destroy(void *heap) {
    unsigned flags = (unsigned)(uintptr_t)heap, cache = (flags >> 8 & 0xfff) - 2;
    if (je_cached && je_mallctl("tcache.destroy", NULL, NULL, &cache, sizeof cache)) {
        exit(1);
    }
    char name[50];
    snprintf(name, sizeof name, "arena.%u.destroy", (flags >> 20) - 1);
    je_call(name, NULL, 0);
}

static void *symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "heaps: no %s\n", name);
        exit(1);
    }
    return found;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void keep_least(double *least, double since, int count) {
    double each = (now() - since) / count;
    if (each < *least) {
        *least = each;
    }
}

static void make_and_destroy(int heaps, int blocks, double *least) {
    double start = now();
    for (int k = 0; k < heaps; k++) {
        void *heap = new_heap(&options);
        for (int i = 0; i < blocks; i++) {
            *(volatile char *)allocate(heap, sizes[i]) = 1;
        }
        destroy(heap);
    }
    keep_least(least, start, heaps);
}

int main(int argc, char **argv) {
    void *library = argc > 2 ? dlopen(argv[2], RTLD_NOW) : NULL;
    if (!library) {
        fprintf(stderr, "heaps: %s\n", argc > 2 ? dlerror() : "heaps metes|mi|je|je-cached LIBRARY [SINGLE]");
        return 2;
    }
    if (!strcmp(argv[1], "metes")) {
        new_heap = symbol(library, "metes_heap_new");
        allocate = symbol(library, "metes_heap_malloc");
        release = symbol(library, "metes_heap_free");
        destroy = symbol(library, "metes_heap_destroy");
    } else if (!strncmp(argv[1], "je", 2)) {
        je_mallctl = symbol(library, "mallctl");
        je_mallocx = symbol(library, "mallocx");
        je_dallocx = symbol(library, "dallocx");
        je_cached = !strcmp(argv[1], "je-cached");
        new_heap = je_new;
        allocate = je_allocate;
        release = je_release;
        destroy = je_destroy;
    } else {
        new_heap = symbol(library, "mi_heap_new");
        allocate = symbol(library, "mi_heap_malloc");
        mi_free = symbol(library, "mi_free");
        release = mi_release;
        destroy = symbol(library, "mi_heap_destroy");
    }
    options.single_threaded = argc > 3 ? atoi(argv[3]) : 1;
    for (int i = 0; i < BLOCKS; i++) {
        sizes[i] = 16 + (uint32_t)(next_random() % 241);
    }
    double many = 1e18, one = 1e18, none = 1e18, replace = 1e18, batch = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        make_and_destroy(HEAPS, 1000, &many);
        make_and_destroy(SMALL_HEAPS, 1, &one);
        make_and_destroy(SMALL_HEAPS, 0, &none);
        void *heap = new_heap(&options), *blocks[BLOCKS];
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = allocate(heap, sizes[i]);
        }
        double start = now();
        for (int i = 0; i < REPLACED; i++) {
            uint64_t random = next_random();
            void **block = &blocks[random % BLOCKS];
            release(heap, *block);
            *block = allocate(heap, sizes[random / BLOCKS % BLOCKS]);
            *(volatile char *)*block = 1;
        }
        keep_least(&replace, start, REPLACED);
        start = now();
        for (int k = 0; k < BATCHES; k++) {
            for (int i = 0; i < BLOCKS; i++) {
                release(heap, blocks[i]);
            }
            for (int i = 0; i < BLOCKS; i++) {
                blocks[i] = allocate(heap, sizes[i]);
            }
        }
        keep_least(&batch, start, BATCHES * BLOCKS);
        destroy(heap);
    }
    printf("%.0f %.0f %.0f %.1f %.1f\n", many, one, none, replace, batch);
    return 0;
}
