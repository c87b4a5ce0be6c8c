// A small heap does not ask for huge pages; regions made for large blocks do, and a large heap, but where small pieces go back it refuses them.
// ways: so preload
// env: METES_OPTIONS=decay_ms=100,dirty_max=1m,cutoff=64m
#include "check.h"

#include "include/pages.h"
#include "include/resident.h"

enum { LARGE = 8 };

int main(void) {
    uint64_t random = 88172645463325252u;
    void *first = malloc(100), *large[LARGE];
    CHECK(!has_flag(first, "hg"));
    for (int i = 0; i < LARGE; i++) CHECK((large[i] = malloc(16 << 20)) && has_flag(large[i], "hg"));
    fill_memory(&random);
    CHECK(has_flag(blocks[BLOCKS - 1], "hg"));
    free_most(&random, 200);
    blocks[0] = malloc(100); // a call that sees what waits
    size_t most = needed() * 3 / 2 + (24 << 20);
    for (int i = 0; i < 100 && resident() > most; i++) usleep(100000);
    size_t huge = 0;
    for (size_t i = 1; i < BLOCKS; i += 50)
        if (blocks[i]) huge += (size_t)has_flag(blocks[i], "hg");
    CHECK(!huge);
    for (int i = 0; i < LARGE; i++) free(large[i]);
    free(first);
    return 0;
}
