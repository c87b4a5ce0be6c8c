// Blocks are allocated and never freed, and nothing points to them at the end.
// default: silent
// full: silent
// trailers: silent
// guard: silent
// debug: 0 metes: M016 .*
#include "include/detect.h"

__attribute__((noinline)) static void loses(void) {
    for (int i = 0; i < 10; i++) CHECK(opaque(malloc(100)));
}

int main(void) {
    loses();
    return survived();
}
