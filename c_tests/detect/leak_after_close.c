// Blocks are lost, and standard error is closed by a handler of exit, as coreutils do.
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
