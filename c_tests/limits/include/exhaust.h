// For programs that use up what they may have, in several ways, and go on afterwards.
#ifndef EXHAUST_H
#define EXHAUST_H

#include "check.h"

#include <pthread.h>

enum { MOST_BLOCKS = 1 << 21, SEEN = 48 };

struct hoard {
    void **blocks;
    size_t count, bytes;
};

// Draws a size at random.
typedef size_t (*sizes)(uint64_t *random);

__attribute__((unused)) static size_t tiny(uint64_t *random) { return 8 + next_random(random) % 120; }
__attribute__((unused)) static size_t small(uint64_t *random) { return 200 + next_random(random) % 3000; }
__attribute__((unused)) static size_t medium(uint64_t *random) { return 8000 + next_random(random) % 200000; }
__attribute__((unused)) static size_t large(uint64_t *random) { return 300000 + next_random(random) % (3 * MIB); }
__attribute__((unused)) static size_t mixed(uint64_t *random) {
    static const sizes kinds[] = {tiny, tiny, small, small, small, medium, large};
    return kinds[next_random(random) % 7](random);
}

__attribute__((unused)) static void mark(void *block, size_t size, unsigned seed) {
    size_t seen = size < SEEN ? size : SEEN;
    memcpy(block, &size, sizeof size);
    fill(block, sizeof size, seen, seed);
    if (size > 2 * SEEN) memset((char *)block + size - SEEN, (int)(seed & 127), SEEN);
}

__attribute__((unused)) static void check_mark(void *block, unsigned seed) {
    size_t size;
    memcpy(&size, block, sizeof size);
    size_t seen = size < SEEN ? size : SEEN;
    CHECK(holds(block, sizeof size, seen, seed));
    if (size > 2 * SEEN) CHECK(all_bytes_are((char *)block + size - SEEN, SEEN, seed & 127));
}

__attribute__((unused)) static void *get(size_t size, unsigned kind) {
    void *block = NULL;
    switch (kind % 8) {
    case 0: return calloc(1, size);
    case 1: return aligned_alloc(64, size);
    case 2: return memalign(size < 200 ? 32 : 4096, size);
    case 3: return realloc(NULL, size);
    case 4:
        if (posix_memalign(&block, 256, size)) {
            errno = ENOMEM; // The result is the error. POSIX does not ask for errno.
            return NULL;
        }
        return block;
    default: return malloc(size);
    }
}

// Allocates until there is no more. A failure has to be ENOMEM.
__attribute__((unused)) static void use_up(struct hoard *h, sizes kind, uint64_t *random) {
    for (unsigned failures = 0, kinds = 0; failures < 3; kinds++) {
        size_t size = kind(random);
        CHECK(h->count < MOST_BLOCKS);
        errno = 0;
        void *block = get(size, kinds);
        if (!block) {
            CHECK(errno == ENOMEM);
            // An aligned block needs a larger hole: memory is used up when a plain block does not fit.
            failures += kinds % 8 >= 5;
            continue;
        }
        mark(block, size, (unsigned)h->count);
        h->blocks[h->count++] = block;
        h->bytes += size;
    }
}

__attribute__((unused)) static void free_from(struct hoard *h, size_t first, size_t step) {
    size_t kept = 0;
    for (size_t i = 0; i < h->count; i++) {
        if (i >= first && (i - first) % step == 0) {
            size_t size;
            memcpy(&size, h->blocks[i], sizeof size);
            check_mark(h->blocks[i], (unsigned)i);
            errno = EDOM;
            free(h->blocks[i]);
            CHECK(errno == EDOM);
            h->bytes -= size;
        } else {
            // Written anew, because the block's number changes.
            size_t size;
            memcpy(&size, h->blocks[i], sizeof size);
            check_mark(h->blocks[i], (unsigned)i);
            mark(h->blocks[i], size, (unsigned)kept);
            h->blocks[kept++] = h->blocks[i];
        }
    }
    h->count = kept;
}

// Uses memory up, frees half of the blocks, uses it up again, and frees all. Afterwards all memory can be had again.
__attribute__((unused)) static void use_up_and_recover(struct hoard *h, sizes kind, size_t at_least) {
    uint64_t random = 88172645463325252u;
    use_up(h, kind, &random);
    if (h->bytes < at_least) fprintf(stderr, "only %zu bytes of %zu\n", h->bytes, at_least);
    CHECK(h->bytes >= at_least);
    check_heap();
    size_t most = h->bytes;
    free_from(h, 0, 2);
    check_heap();
    use_up(h, kind, &random);
    // Where only some thirty blocks fit, the holes between those in use may be too small for the next sizes.
    size_t again = kind == large ? most / 20 * 15 : most / 20 * 17;
    if (h->bytes < again) fprintf(stderr, "again only %zu bytes of %zu\n", h->bytes, most);
    CHECK(h->bytes >= again);
    check_heap();
    free_from(h, 0, 1);
    CHECK(h->count == 0);
    check_heap();
}

// Grows a block by realloc until there is no room. The block then stays as it was.
__attribute__((unused)) static void grow_until_null(size_t at_least) {
    size_t size = 100;
    unsigned char *block = malloc(size);
    CHECK(block);
    fill(block, 0, size, 7);
    for (;;) {
        size_t more = size + size / 2;
        errno = 0;
        unsigned char *grown = realloc(block, more);
        if (!grown) break;
        block = grown;
        CHECK(holds(block, size / 2, size, 7) && holds(block, 0, 100, 7));
        fill(block, size, more, 7);
        size = more;
    }
    CHECK(errno == ENOMEM);
    if (size < at_least) fprintf(stderr, "a block grew to %zu bytes only\n", size);
    CHECK(size >= at_least);
    CHECK(holds(block, 0, size, 7));
    check_heap();
    CHECK((block = realloc(block, size / 2)) && holds(block, 0, size / 2, 7));
    CHECK((block = realloc(block, 1000)) && holds(block, 0, 1000, 7));
    free(block);
    check_heap();
}

struct worker {
    pthread_t thread;
    unsigned seed;
};

// Run by threads that together want more than there is. Each gets blocks or NULL, frees some, and goes on.
__attribute__((unused)) static void *struggle(void *arg) {
    enum { KEPT = 2000 };
    unsigned seed = ((struct worker *)arg)->seed;
    uint64_t random = 88172645463325252u + seed;
    void *kept[KEPT] = {0};
    for (int i = 0; i < 20000; i++) {
        size_t at = next_random(&random) % KEPT, size = mixed(&random);
        if (kept[at]) {
            check_mark(kept[at], seed + (unsigned)at);
            free(kept[at]);
        }
        errno = 0;
        kept[at] = get(size, (unsigned)i);
        if (kept[at])
            mark(kept[at], size, seed + (unsigned)at);
        else
            CHECK(errno == ENOMEM);
    }
    for (int i = 0; i < KEPT; i++) {
        if (kept[i]) check_mark(kept[i], seed + (unsigned)i);
        free(kept[i]);
    }
    return NULL;
}

__attribute__((unused)) static void in_threads(void) {
    struct worker workers[4];
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 256 * KIB) == 0);
    unsigned count = 0;
    for (; count < 4; count++) {
        workers[count].seed = count * 1000;
        if (pthread_create(&workers[count].thread, &attributes, struggle, &workers[count])) break;
    }
    CHECK(count > 0);
    while (count) CHECK(pthread_join(workers[--count].thread, NULL) == 0);
    check_heap();
}

__attribute__((unused)) static struct hoard new_hoard(void) {
    // The table is not on the heap that is to be used up.
    static void *blocks[MOST_BLOCKS];
    return (struct hoard){blocks, 0, 0};
}

#endif
