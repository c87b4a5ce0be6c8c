// With thp=never neither heaps nor mappings have huge pages, whatever the system does unasked.
// ways: so preload
// env: METES_OPTIONS=thp=never,cutoff=1m
#include "check.h"

#include "include/pages.h"
#include "include/resident.h"

int main(void) {
    uint64_t random = 88172645463325252u;
    void *mapping = malloc(8 << 20);
    fill_memory(&random);
    CHECK(has_flag(blocks[0], "nh") && has_flag(blocks[BLOCKS - 1], "nh") && has_flag(mapping, "nh"));
    free_most(&random, 0);
    free(mapping);
    return 0;
}
