// Allocation and purging must not cut the address space into pieces: a busy heap of 128 MiB stays within some
// hundred memory maps.
#include "check.h"

#include "include/life.h"

static int mappings(void) {
    static char text[1 << 16];
    int lines = 0, fd = open("/proc/self/maps", O_RDONLY);
    ssize_t got;
    CHECK(fd >= 0);
    while ((got = read(fd, text, sizeof text)) > 0)
        for (ssize_t i = 0; i < got; i++) lines += text[i] == '\n';
    close(fd);
    return lines;
}

int main(void) {
    enum { BLOCKS = 30000 };
    static char *blocks[BLOCKS];
    uint64_t random = 88172645463325252u;
    served_by_metes();
    int before = mappings();
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = 1 + next_random(&random) % 9000;
        CHECK((blocks[i] = malloc(size)));
        memset(blocks[i], 1, size);
    }
    CHECK(mappings() < before + 200);
    // Nine in ten freed at random, then given back to the OS.
    for (int i = 0; i < BLOCKS; i++)
        if (next_random(&random) % 10) {
            free(blocks[i]);
            blocks[i] = NULL;
        }
    malloc_trim(0);
    CHECK(mappings() < before + 300);
    check_heap();
    for (int i = 0; i < BLOCKS; i++) free(blocks[i]);
    check_heap();
    return 0;
}
