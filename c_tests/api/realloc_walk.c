// Blocks grow from a byte to 64 MiB and shrink back, by small and by large steps, alone and side by side. The
// contents survive.

#include "check.h"

#define TOP (64 * MIB)

static void *resize(void *block, size_t from, size_t to, unsigned seed) {
    block = realloc(block, to);
    CHECK(block && malloc_usable_size(block) >= to);
    CHECK(holds(block, 0, from < to ? from : to, seed));
    if (to > from)
        fill(block, from, to, seed);
    return block;
}

// Each step by a `divisor`th of the size, at least one byte.
static void up_and_down(size_t divisor, size_t top) {
    size_t size = 1;
    void *block = resize(NULL, 0, size, 1);
    while (size < top) {
        size_t next = size + size / divisor + 1;
        block = resize(block, size, next < top ? next : top, 1);
        size = next < top ? next : top;
    }
    while (size > 1) {
        size_t next = size - size / divisor - 1;
        next = next && next < size ? next : 1;
        block = resize(block, size, next, 1);
        size = next;
    }
    free(block);
}

// Two blocks that grow in turn stand in each other's way.
static void side_by_side(void) {
    void *left = NULL, *right = NULL;
    size_t size = 0;
    for (size_t next = 1; next <= 4 * MIB; next += next / 3 + 1) {
        left = resize(left, size, next, 2);
        right = resize(right, size, next, 3);
        size = next;
    }
    free(left);
    while (size > 1) {
        right = resize(right, size, size / 2, 3);
        size /= 2;
    }
    free(right);
}

// One byte at a time, as programs that append do.
static void byte_by_byte(size_t top) {
    unsigned char *block = NULL;
    for (size_t size = 1; size <= top; size++) {
        block = (unsigned char *)realloc(block, size);
        CHECK(block);
        block[size - 1] = pattern_at(size - 1, 4);
    }
    CHECK(holds(block, 0, top, 4));
    free(block);
}

int main(void) {
    served_by_metes();
    up_and_down(1, TOP);
    check_heap();
    up_and_down(3, TOP);
    up_and_down(16, 2 * MIB);
    side_by_side();
    byte_by_byte(300 * KIB);
    check_heap();
}
