// free of a piece of the program's own pool, with a copy of one of metes' headers in front of it.
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in an anonymous mapping
// exit: SIGABRT
#include "check.h"

#include <sys/mman.h>

int main(void) {
    char *p = malloc(3000);
    char *pool = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(pool + 4088, (char *)opaque(p) - 8, 8);
    free(opaque(pool + 4096));
    return 0;
}
