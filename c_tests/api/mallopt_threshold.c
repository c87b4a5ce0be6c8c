// M_MMAP_THRESHOLD moves the cutoff, from which on a block is a mapping. M_MMAP_MAX turns mappings on and off.
// mallinfo2 shows it.

#include "check.h"

// How many mappings a block of this size takes: none or one.
static size_t mappings_for(size_t size) {
    size_t before = mallinfo2().hblks;
    void *block = malloc(size);
    CHECK(block);
    size_t mapped = mallinfo2().hblks - before;
    memset(block, 1, size);
    free(block);
    CHECK(mallinfo2().hblks == before);
    return mapped;
}

int main(void) {
    served_by_metes();
    CHECK(mallopt(M_MMAP_THRESHOLD, 256 * 1024) == 1);
    CHECK(mappings_for(100 * KIB) == 0);
    CHECK(mappings_for(300 * KIB) == 1);
    CHECK(mappings_for(2 * MIB) == 1);
    // The new cutoff also holds for a size whose blocks the thread's cache keeps.
    void *block = malloc(128 * KIB);
    free(block);
    CHECK(malloc(128 * KIB) == block);
    CHECK(mallopt(M_MMAP_THRESHOLD, 64 * 1024) == 1);
    CHECK(mappings_for(128 * KIB) == 1);
    free(block);

    CHECK(mallopt(M_MMAP_THRESHOLD, 8 * 1024 * 1024) == 1);
    CHECK(mappings_for(300 * KIB) == 0);
    CHECK(mappings_for(2 * MIB) == 0);
    CHECK(mappings_for(9 * MIB) == 1);
    check_heap();

    // Once the program has set the cutoff, freeing a mapping does not move it.
    CHECK(mallopt(M_MMAP_THRESHOLD, 256 * 1024) == 1);
    free(malloc(4 * MIB));
    CHECK(mappings_for(300 * KIB) == 1);

    // While mappings are off, the cutoff is kept and may be set. It applies once mappings are on again.
    CHECK(mallopt(M_MMAP_MAX, 0) == 1);
    CHECK(mappings_for(40 * MIB) == 0);
    CHECK(mallopt(M_MMAP_MAX, 0) == 1);
    CHECK(mallopt(M_MMAP_MAX, 65536) == 1);
    CHECK(mappings_for(300 * KIB) == 1);
    CHECK(mallopt(M_MMAP_MAX, 0) == 1);
    CHECK(mallopt(M_MMAP_THRESHOLD, 1024 * 1024) == 1);
    CHECK(mappings_for(40 * MIB) == 0);
    CHECK(mallopt(M_MMAP_MAX, 65536) == 1);
    CHECK(mappings_for(300 * KIB) == 0);
    CHECK(mappings_for(2 * MIB) == 1);

    // glibc up to 2.34 refuses a threshold above half of a heap's greatest size; later versions accept it.
    int taken = mallopt(M_MMAP_THRESHOLD, 64 * 1024 * 1024);
    CHECK(taken == 0 || taken == 1);
    CHECK(mappings_for(40 * MIB) == (taken ? 0 : 1));
    CHECK(mappings_for(300 * KIB) == (taken ? 0 : 1));
    check_heap();
}
