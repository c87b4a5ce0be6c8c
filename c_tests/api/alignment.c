// Every block is aligned for any type: 16 bytes, whatever its size.

#include "check.h"

static void check_size(size_t size) {
    void *block = malloc(size);
    void *zeroed = calloc(1, size);
    void *moved = realloc(malloc(size / 2), size ? size : 1);
    CHECK(block && is_aligned(block, 16));
    CHECK(zeroed && is_aligned(zeroed, 16));
    CHECK(moved && is_aligned(moved, 16));
    free(block);
    free(zeroed);
    free(moved);
}

// Fresh neighbours, not one block handed out again and again.
static void check_rows(void) {
    static void *row[512];
    for (size_t size = 0; size <= 1024; size += 1 + size / 16) {
        for (int i = 0; i < 512; i++) {
            row[i] = malloc(size);
            CHECK(row[i] && is_aligned(row[i], 16));
        }
        for (int i = 0; i < 512; i++)
            free(row[i]);
    }
}

int main(void) {
    served_by_metes();
    for (size_t size = 0; size <= 4096; size++)
        check_size(size);
    for (size_t size = 4096; size <= 100 * MIB; size += size / 7 + 1)
        check_size(size);
    for (size_t power = 4 * KIB; power <= 64 * MIB; power *= 2)
        for (size_t size = power - 32; size <= power + 32; size += 8)
            check_size(size);
    check_size(100 * MIB);
    check_rows();
    check_heap();
}
