// With foreign=ignore a refused free still leaves errno alone.
// env: METES_OPTIONS=foreign=ignore
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is not mapped
#include "check.h"

int main(void) {
    errno = EDOM;
    free(opaque((void *)0xdeadbeef000));
    CHECK(errno == EDOM);
    return 0;
}
