// Where there is no room for a region of the usual size, smaller ones serve: most of the memory that is allowed can
// be had.
#include "check.h"

#include <errno.h>
#include <sys/resource.h>

int main(void) {
    size_t total = 0;
    rlim_t limit = 8 << 20;
    served_by_metes();
    CHECK(setrlimit(RLIMIT_DATA, &(struct rlimit){limit, limit}) == 0);
    while (malloc(1000)) total += 1000;
    CHECK(errno == ENOMEM);
    CHECK(total > limit / 3 * 2);
    check_heap();
    return 0;
}
