// With purge=off memory stays until it is asked for, and there is no helper.
// ways: preload
// env: METES_OPTIONS=purge=off
#include "check.h"

#include "include/resident.h"

int main(void) {
    uint64_t random = 88172645463325252u;
    served_by_metes();
    fill_memory(&random);
    size_t full = resident();
    free_most(&random, 0);
    sleep(3);
    CHECK(tasks() == 1 && resident() + MIB > full);
    CHECK(malloc_trim(0) == 1);
    CHECK(resident() < full / 2);
    return 0;
}
