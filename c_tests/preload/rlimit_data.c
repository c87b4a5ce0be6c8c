// RLIMIT_DATA counts private writable memory. With 64 MiB of it, failure is soft.
#include "check.h"

#include <sys/resource.h>

#include "include/life.h"

int main(void) {
    struct rlimit limit = {64 * MIB, 64 * MIB};
    static void *blocks[200000];
    size_t count = 0;
    served_by_metes();
    CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
    while (count < 200000 && (blocks[count] = malloc(5000))) memset(blocks[count++], 1, 5000);
    CHECK(count < 200000 && errno == ENOMEM);
    while (count) free(blocks[--count]);
    for (unsigned i = 0; i < 20; i++) life(i);
    check_heap();
    return 0;
}
