// realloc may leave an aligned block in place. It is then a block of realloc, and free_sized accepts it.
// ways: preload
// env: METES_OPTIONS=checks=full,guard=off
#include "check.h"

int main(void) {
    served_by_metes();
    CHECK(free_sized);
    for (size_t align = 32; align <= 4096; align *= 2) {
        void *block = aligned_alloc(align, 4 * align);
        CHECK(block);
        block = realloc(block, 4 * align - 6);
        CHECK(block);
        free_sized(block, 4 * align - 6);
    }
    check_heap();
    return 0;
}
