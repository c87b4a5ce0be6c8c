// Makes slabs in which few objects are left, and finds blocks of other sizes in them. Only make_sparse and
// block_among_sparse allocate.
#ifndef METES_SPARSE_H
#define METES_SPARSE_H

#include "check.h"

enum { SPARSE = 400000, SPARSE_UNIT = 65536 };
static unsigned char *sparse[SPARSE];
static unsigned char sparse_sizes[SPARSE];

// Allocates blocks of 16 to 255 bytes, 54 MB in all, and frees nine of ten.
__attribute__((unused)) static void make_sparse(uint64_t *random) {
    for (size_t i = 0; i < SPARSE; i++) {
        sparse_sizes[i] = (unsigned char)(16 + next_random(random) % 240);
        CHECK(sparse[i] = malloc(sparse_sizes[i]));
        memset(sparse[i], sparse_sizes[i], sparse_sizes[i]);
    }
    for (size_t i = 0; i < SPARSE; i++)
        if (next_random(random) % 10) {
            free(sparse[i]);
            sparse[i] = NULL;
        }
}

// Checks that the blocks still in use hold what was written.
__attribute__((unused)) static void check_sparse(void) {
    for (size_t i = 0; i < SPARSE; i++)
        for (size_t k = 0; sparse[i] && k < sparse_sizes[i]; k++) CHECK(sparse[i][k] == sparse_sizes[i]);
}

// Whether `block` shares a unit, and so a slab, with a block of make_sparse that is still in use.
__attribute__((unused)) static int among_sparse(void *block) {
    for (size_t i = 0; i < SPARSE; i++)
        if (sparse[i] && (uintptr_t)sparse[i] / SPARSE_UNIT == (uintptr_t)block / SPARSE_UNIT) return 1;
    return 0;
}

// Returns a new block of `size` bytes from a sparse slab. Such slabs serve other sizes once slabs have handed out a
// sixteenth of their bytes, so this first allocates 4 MiB.
__attribute__((unused)) static unsigned char *block_among_sparse(size_t size) {
    for (size_t bytes = 0; bytes < 4 << 20; bytes += size) CHECK(opaque(malloc(size)));
    for (int i = 0; i < 10000; i++) {
        unsigned char *block = malloc(size);
        CHECK(block);
        if (among_sparse(block)) return block;
    }
    CHECK(!"no block came from a sparse slab");
    return NULL;
}

#endif
