// free of a pointer into a guard page: the pointer must not be read through.
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in an anonymous mapping
// exit: SIGABRT
#include "check.h"

#include <sys/mman.h>

int main(void) {
    char *guard = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    free(opaque(guard + 4096));
    return 0;
}
