// With thp=always heaps of any size ask for huge pages, and so do mappings.
// ways: so preload
// env: METES_OPTIONS=thp=always,cutoff=1m
#include "check.h"

#include "include/pages.h"

int main(void) {
    void *block = malloc(100), *mapping = malloc(8 << 20);
    CHECK(has_flag(block, "hg") && has_flag(mapping, "hg"));
    free(block);
    free(mapping);
    return 0;
}
