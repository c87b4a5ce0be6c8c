// A file of suppressions that cannot be read is named, once.
// ways: preload
// env: METES_OPTIONS=leaks=exit,suppressions=/no/such/file
// stderr: metes: cannot read the suppressions in '/no/such/file'
// stderr: metes: M016 .*
#include "include/detect.h"

__attribute__((noinline)) static void loses(size_t size) {
    for (int i = 0; i < 10; i++) CHECK(opaque(malloc(size)));
}

int main(void) {
    loses(100);
    loses(200);
    return survived();
}
