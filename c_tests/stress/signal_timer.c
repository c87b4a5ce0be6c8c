// A handler allocates, resizes and frees a thousand times a second, while the one thread does the same.
// args: 3
// soak-args: 120
// timeout: 30
#include "check.h"

#include "include/interrupted.h"

int main(int argc, char **argv) {
    double end = now() + (double)argument(argc, argv, 1, 3);
    uint64_t random = 88172645463325252u;
    signal_every(ITIMER_REAL, 1000);
    while (goes_on(end))
        for (int i = 0; i < 100; i++) {
            swap_one(&random);
            give(take(&random));
        }
    signal_every(ITIMER_REAL, 0);
    CHECK(signals_seen > 100);
    swap_nothing_more();
    check_heap();
    return 0;
}
