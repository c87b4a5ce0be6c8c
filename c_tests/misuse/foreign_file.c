// free of a pointer into a mapped file.
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in /.*
// exit: SIGABRT
#include "check.h"

#include <sys/mman.h>

int main(void) {
    int fd = open("/proc/self/exe", O_RDONLY);
    char *file = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    free(opaque(file + 64));
    return 0;
}
