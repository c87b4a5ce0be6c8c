// The process's memory maps are used up. malloc works or fails with ENOMEM, and free works though it may not unmap.
// Nothing is lost or lies in two places.
#include "check.h"

#include <sys/mman.h>

#include "include/life.h"

int main(void) {
    enum { BLOCKS = 3000 };
    static unsigned char *blocks[BLOCKS];
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = 2 * 70000;
    served_by_metes();
    for (int i = 0; i < BLOCKS; i += 2) {
        size_t size = i % 100 == 0 ? 2 * MIB : 100 + (size_t)i * 7;
        CHECK((blocks[i] = malloc(size)));
        fill(blocks[i], 0, 64, (unsigned)i);
    }
    char *comb = mmap(NULL, pages * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(comb != MAP_FAILED);
    size_t teeth = 0;
    while (teeth < pages / 2 && mprotect(comb + 2 * teeth * page, page, PROT_READ) == 0) teeth++;
    if (teeth == pages / 2) {
        fputs("more than 140,000 memory maps are allowed here\n", stderr);
        return 77;
    }

    for (int i = 1; i < BLOCKS; i += 2) {
        size_t size = i % 99 == 0 ? 2 * MIB : 100 + (size_t)i * 7;
        errno = 0;
        blocks[i] = i % 3 ? malloc(size) : calloc(1, size);
        CHECK(blocks[i] || errno == ENOMEM);
        CHECK(!blocks[i] || i % 3 || all_bytes_are(blocks[i], size, 0));
        if (blocks[i]) fill(blocks[i], 0, 64, (unsigned)i);
    }
    for (int i = 0; i < BLOCKS; i += 5) {
        if (!blocks[i]) continue;
        unsigned char *moved = realloc(blocks[i], 40000 + (size_t)i * 900);
        if (moved) blocks[i] = moved;
        CHECK(holds(blocks[i], 0, 64, (unsigned)i));
    }
    check_heap();
    for (int i = 0; i < BLOCKS; i += 2) {
        CHECK(holds(blocks[i], 0, 64, (unsigned)i));
        errno = EDOM;
        free(blocks[i]);
        CHECK(errno == EDOM);
    }
    malloc_trim(0);
    check_heap();
    CHECK(munmap(comb, pages * page) == 0);
    for (int i = 1; i < BLOCKS; i += 2) {
        CHECK(!blocks[i] || holds(blocks[i], 0, 64, (unsigned)i));
        free(blocks[i]);
    }
    malloc_trim(0);
    for (unsigned i = 0; i < 20; i++) life(i);
    check_heap();
    return 0;
}
