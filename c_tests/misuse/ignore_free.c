// With foreign=ignore the report stays and the program goes on.
// env: METES_OPTIONS=foreign=ignore
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in the stack
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in /.*
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is not mapped
#include "check.h"

static char data[64] = "static data";

int main(void) {
    char local[64] = "local";
    free(opaque(local));
    free(opaque(data));
    free(opaque((void *)0xdeadbeef000));
    CHECK(local[0] == 'l' && data[0] == 's');
    char *p = malloc(3000);
    CHECK(p != NULL);
    free(p);
    check_heap();
    return 0;
}
