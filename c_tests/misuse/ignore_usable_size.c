// With foreign=ignore foreign memory has no usable bytes.
// env: METES_OPTIONS=foreign=ignore
// stderr: metes: M004 foreign pointer: malloc_usable_size\(0x[0-9a-f]+\): not from metes; it is in /.*
#include "check.h"

static char data[64] = "static data";

int main(void) {
    CHECK(malloc_usable_size(opaque(data)) == 0);
    check_heap();
    return 0;
}
