// A sandbox allows no new memory at all: allocation fails softly, and the blocks that exist stay usable.
#include "check.h"

#include "include/seccomp.h"

int main(void) {
    static const int memory[] = {SYS_mmap, SYS_mremap, SYS_brk, SYS_munmap, SYS_madvise, SYS_mprotect};
    enum { BLOCKS = 100000 };
    static unsigned char *blocks[BLOCKS];
    int count = 0;
    served_by_metes();
    for (int i = 0; i < 100; i++) CHECK((blocks[count++] = malloc(1000)));
    unsigned char *big = malloc(3 * MIB);
    CHECK(big);
    fill(big, 0, 1000, 9);
    refuse(memory, sizeof memory / sizeof memory[0], SECCOMP_RET_ERRNO | ENOMEM);
    errno = 0;
    while (count < BLOCKS && (blocks[count] = malloc(5000))) count++;
    CHECK(count < BLOCKS && errno == ENOMEM);
    errno = 0;
    CHECK(malloc(4 * MIB) == NULL && errno == ENOMEM);
    CHECK(realloc(big, 30 * MIB) == NULL && holds(big, 0, 1000, 9));
    check_heap();
    errno = EDOM;
    free(big);
    while (count) free(blocks[--count]);
    CHECK(errno == EDOM);
    CHECK((blocks[0] = malloc(5000)));
    free(blocks[0]);
    check_heap();
    return 0;
}
