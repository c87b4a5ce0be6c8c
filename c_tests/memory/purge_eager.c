// With purge=eager no more than dirty_max of freed memory waits, and there is no helper.
// ways: preload
// env: METES_OPTIONS=purge=eager,dirty_max=4m
#include "check.h"

#include "include/resident.h"

int main(void) {
    uint64_t random = 88172645463325252u;
    served_by_metes();
    fill_memory(&random);
    size_t full = resident();
    free_most(&random, 0);
    // The thread's own cache comes on top.
    CHECK(tasks() == 1 && resident() < full / 2);
    return 0;
}
