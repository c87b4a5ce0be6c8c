// A block that is to shrink can stay where it is when there is no memory to move it to. realloc must not fail then.
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

static rlim_t address_space(void) {
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    CHECK(statm && fscanf(statm, "%ld", &pages) == 1);
    fclose(statm);
    return (rlim_t)pages * 4096;
}

int main(void) {
    served_by_metes();
    char *big = malloc(1 << 20);
    CHECK(big);
    fill(big, 0, 1 << 20, 7);
    rlim_t limit = address_space() + (4 << 20);
    CHECK(setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit}) == 0);
    while (malloc(1000)) {
    }
    CHECK(errno == ENOMEM);
    char *small = realloc(big, 1000);
    CHECK(small && holds(small, 0, 1000, 7));
    check_heap();
    return 0;
}
