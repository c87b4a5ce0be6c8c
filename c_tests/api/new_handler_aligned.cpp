// Where a new-handler makes room the C++ runtime's own aligned operator serves, which asks for more than was said: the sized delete of it is right.
// ways: preload so
// env: METES_OPTIONS=limit=64m
#include "check.h"

#include <initializer_list>
#include <new>

static void *kept;
static int asked;

static void make_room() {
    asked++;
    CHECK(kept);
    free(kept);
    kept = NULL;
}

int main() {
    served_by_metes();
    std::set_new_handler(make_room);
    const std::align_val_t alignment{128};
    for (size_t size : {size_t{30000005}, size_t{30000000}, size_t{29999999}}) {
        CHECK((kept = malloc(40 * MIB)));
        asked = 0;
        void *block = operator new(opaque(size), alignment);
        CHECK(is_aligned(block, 128) && asked == 1);
        operator delete(block, size, alignment);
    }
    check_heap();
    return 0;
}
