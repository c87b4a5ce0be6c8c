// A long random life of one heap against a model: every live block has a shadow copy, and is compared with it whenever
// it is touched. The programs that include this differ in the options they run under.
#ifndef MODEL_H
#define MODEL_H

#include "check.h"

enum { LIVE = 2000, TOP = 40000 };

static struct shadow {
    unsigned char *at, *copy;
    size_t size;
} live[LIVE];

static unsigned char arena_of_copies[LIVE][TOP];

static void compare(const struct shadow *s) { CHECK(memcmp(s->at, s->copy, s->size) == 0); }

static void renew(struct shadow *s, uint64_t *random) {
    uint64_t word = next_random(random);
    for (size_t i = 0; i < s->size; i++) s->at[i] = (unsigned char)(word >> i % 57);
    memcpy(s->copy, s->at, s->size);
}

// Phases of small, of medium and of mixed sizes: the memory that one kind left has to serve the next.
static size_t size_in_phase(uint64_t *random, long phase) {
    uint64_t r = next_random(random);
    switch (phase % 4) {
    case 0: return 1 + r % 200;
    case 1: return 1 + r % 4000;
    case 2: return 1 + (r >> 8) % ((size_t)1 << (4 + r % 11));
    default: return 1 + r % TOP;
    }
}

static void allocate(struct shadow *s, uint64_t *random, size_t size) {
    size_t alignment = (size_t)8 << next_random(random) % 10;
    void *at = NULL;
    s->size = size;
    switch (next_random(random) % 8) {
    case 0:
        at = calloc(size, 1);
        CHECK(at && all_bytes_are(at, size, 0));
        break;
    case 1: CHECK(posix_memalign(&at, alignment, size) == 0 && is_aligned(at, alignment)); break;
    default: at = malloc(size);
    }
    CHECK(at);
    s->at = (unsigned char *)at;
    renew(s, random);
}

static int model(long steps) {
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < LIVE; i++) live[i].copy = arena_of_copies[i];
    for (long i = 0; i < steps; i++) {
        long phase = i * 16 / steps;
        struct shadow *s = &live[next_random(&random) % LIVE];
        size_t size = size_in_phase(&random, phase);
        if (!s->at) {
            allocate(s, &random, size);
            continue;
        }
        compare(s);
        if (next_random(&random) % 3 == 0) {
            size_t kept = size < s->size ? size : s->size;
            s->at = (unsigned char *)realloc(s->at, size);
            CHECK(s->at && memcmp(s->at, s->copy, kept) == 0);
            s->size = size;
            renew(s, &random);
        } else {
            free(s->at);
            s->at = NULL;
        }
    }
    for (int i = 0; i < LIVE; i++)
        if (live[i].at) {
            compare(&live[i]);
            free(live[i].at);
        }
    check_heap();
    return 0;
}

#endif
