// With foreign=ignore realloc of foreign memory fails and leaves the memory alone.
// env: METES_OPTIONS=foreign=ignore
// stderr: metes: M004 foreign pointer: realloc\(0x[0-9a-f]+\): not from metes; it is in the stack
#include "check.h"

int main(void) {
    char local[64] = "local";
    errno = 0;
    CHECK(realloc(opaque(local), 100) == NULL);
    CHECK(errno != 0);
    CHECK(local[0] == 'l');
    check_heap();
    return 0;
}
