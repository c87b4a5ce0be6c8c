// mallopt's answers, as in glibc: 1 for an accepted or unknown parameter, 0 for a refused value.

#include "check.h"

int main(void) {
    served_by_metes();
    CHECK(mallopt(M_ARENA_MAX, 1) == 1);
    CHECK(mallopt(M_ARENA_MAX, 8) == 1);
    CHECK(mallopt(M_ARENA_TEST, 8) == 1);
    CHECK(mallopt(M_TRIM_THRESHOLD, 256 * 1024) == 1);
    CHECK(mallopt(M_TRIM_THRESHOLD, -1) == 1);
    CHECK(mallopt(M_TOP_PAD, 64 * 1024) == 1);
    CHECK(mallopt(M_CHECK_ACTION, 3) == 1);
    CHECK(mallopt(M_PERTURB, 0) == 1);
    CHECK(mallopt(M_MMAP_MAX, 65536) == 1);

    // M_MXFAST is the only parameter whose range is checked: up to 80 * sizeof(size_t) / 4.
    CHECK(mallopt(M_MXFAST, 0) == 1);
    CHECK(mallopt(M_MXFAST, 64) == 1);
    CHECK(mallopt(M_MXFAST, (int)(80 * sizeof(size_t) / 4)) == 1);
    CHECK(mallopt(M_MXFAST, (int)(80 * sizeof(size_t) / 4) + 1) == 0);
    CHECK(mallopt(M_MXFAST, -1) == 0);

    CHECK(mallopt(M_NLBLKS, 1) == 1);
    CHECK(mallopt(M_GRAIN, 1) == 1);
    CHECK(mallopt(12345, 1) == 1);
    CHECK(mallopt(-12345, 0) == 1);

    // The allocator still works.
    for (size_t size = 1; size < 4 * MIB; size *= 3) {
        void *block = malloc(size);
        CHECK(block);
        memset(block, 1, size);
        free(block);
    }
    check_heap();
}
