// Heaps by name beside mimalloc's, loaded by dlopen: `heaps metes|mi LIBRARY [SINGLE]` prints four figures in ns of CPU time, the least of the rounds:
// a heap with 1,000 blocks made and destroyed, one with a block, a random block replaced, a batch's pair.
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
        fprintf(stderr, "heaps: %s\n", argc > 2 ? dlerror() : "heaps metes|mi LIBRARY [SINGLE]");
        return 2;
    }
    if (!strcmp(argv[1], "metes")) {
        new_heap = symbol(library, "metes_heap_new");
        allocate = symbol(library, "metes_heap_malloc");
        release = symbol(library, "metes_heap_free");
        destroy = symbol(library, "metes_heap_destroy");
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
    double many = 1e18, one = 1e18, replace = 1e18, batch = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        make_and_destroy(HEAPS, 1000, &many);
        make_and_destroy(SMALL_HEAPS, 1, &one);
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
    printf("%.0f %.0f %.1f %.1f\n", many, one, replace, batch);
    return 0;
}
