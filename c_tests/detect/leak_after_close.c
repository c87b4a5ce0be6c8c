// Blocks are lost, and an exit handler closes standard error, as in coreutils.
// default: silent
// debug: 0 metes: M016 .*
#include "include/detect.h"

static void close_error(void) { close(2); }

__attribute__((noinline)) static void loses(void) {
    for (int i = 0; i < 10; i++) CHECK(opaque(malloc(100)));
}

int main(void) {
    loses();
    CHECK(atexit(close_error) == 0);
    return survived();
}
