// Blocks in a row in the heap: each header is right behind the block before, and a live block is on either side. So
// a program knows what a write past the end hits, and which blocks merge.
#ifndef ROW_H
#define ROW_H

#include "check.h"

__attribute__((unused)) static int row_by_address(const void *a, const void *b) {
    char *x = *(char *const *)a, *y = *(char *const *)b;
    return (x > y) - (x < y);
}

// Finds n blocks of the size, at most 20, in address order.
__attribute__((unused)) static void row(char **blocks, int n, size_t size) {
    enum { MANY = 64, HEADER = 8 };
    static char *all[MANY];
    int run = 1;
    for (int i = 0; i < MANY; i++) all[i] = malloc(size);
    qsort(all, MANY, sizeof all[0], row_by_address);
    for (int i = 1; i < MANY; i++) {
        run = all[i] == all[i - 1] + malloc_usable_size(all[i - 1]) + HEADER ? run + 1 : 1;
        if (run < n + 2) continue;
        for (int k = 0; k < n; k++) blocks[k] = all[i - n + k];
        return;
    }
    fprintf(stderr, "no %d neighbours of %zu bytes\n", n, size);
    exit(2);
}

// The sizes are below and above those of the holes, so that every kind of walk passes the holes.
__attribute__((unused)) static void walk_free_list(void) {
    for (int i = 0; i < 20000; i++) {
        void *p = malloc(100 + (size_t)i * 37 % 30000);
        void *q = malloc(100 + (size_t)i * 53 % 3000);
        free(opaque(p));
        free(opaque(q));
    }
}

#endif
