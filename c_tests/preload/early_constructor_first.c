// A constructor of another library allocates, starts a thread and forks, maybe before metes has run a line of its
// own.
// shared: early.c
// preload-also: early first
#include "check.h"

#include "include/life.h"

int main(void) {
    unsigned char **block = dlsym(RTLD_DEFAULT, "early_block");
    served_by_metes();
    CHECK(block && *block && all_bytes_are(*block, 1234, 0x33));
    *block = realloc(*block, 20000);
    CHECK(*block && all_bytes_are(*block, 1234, 0x33));
    free(*block);
    for (unsigned i = 0; i < 20; i++) life(i);
    check_heap();
    return 0;
}
