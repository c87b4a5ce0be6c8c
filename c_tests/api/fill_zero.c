// fill=zero: all usable bytes of a new block are zero.
// env: METES_OPTIONS=fill=zero
#include "check.h"

int main(void) {
    served_by_metes();
    for (size_t size = 1; size < 3 * MIB; size += size / 7 + 1)
        for (int round = 0; round < 20; round++) {
            unsigned char *block = round % 2 ? malloc(size) : memalign(64, size);
            CHECK(block && all_bytes_are(block, malloc_usable_size(block), 0));
            memset(block, 0xff, malloc_usable_size(block));
            free(block);
        }
    check_heap();
    return 0;
}
