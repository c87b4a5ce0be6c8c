// Memory of which small pieces have gone back does not ask for huge pages any more: the kernel would put them
// together around the blocks in use.
// ways: so preload
// env: METES_OPTIONS=decay_ms=100,dirty_max=1m
#include "check.h"

#include "include/pages.h"
#include "include/resident.h"

enum { MORE = 200000 };

static void *more[MORE];

int main(void) {
    uint64_t random = 88172645463325252u;
    served_by_metes();
    for (size_t i = 0; i < MORE; i++) CHECK((more[i] = malloc(400)));
    fill_memory(&random);
    size_t huge = 0;
    for (size_t i = 1; i < BLOCKS; i += 500) huge += (size_t)has_flag(blocks[i], "hg");
    CHECK(huge > BLOCKS / 500 / 4);
    size_t most = resident() - 40 * MIB;
    free_most(&random, 200);
    blocks[0] = malloc(100); // a call that sees the memory that waits
    CHECK(shrinks_to(most));
    huge = 0;
    for (size_t i = 1; i < BLOCKS; i += 50)
        if (blocks[i]) huge += (size_t)has_flag(blocks[i], "hg");
    CHECK(!huge);
    check_heap();
    return 0;
}
