// A process frees nearly all its small blocks and then makes no more calls. It keeps only the pages that live blocks
// are in.
// ways: preload so
#include "check.h"

#include "include/resident.h"

int main(void) {
    uint64_t random = 88172645463325252u;
    served_by_metes();
    fill_memory(&random);
    free_most(&random, 200);
    size_t before = resident(), need = needed() + sizeof blocks + sizeof wanted;
    CHECK(before > 2 * need);
    CHECK(shrinks_to(need + need / 10 + 4 * MIB));
    for (size_t i = 0; i < BLOCKS; i++)
        if (blocks[i]) CHECK(*(unsigned char *)blocks[i] == 1);
    // The blocks freed after the helper has ended might all wait in the thread's cache, where each keeps a page.
    while (tasks() > 1) usleep(10000);
    free_most(&random, 0);
    CHECK(shrinks_to(6 * MIB + sizeof blocks + sizeof wanted));
    check_heap();
    return 0;
}
