// Memory of mmap is freed.
// default: SIGABRT metes: M004 .*
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/detect.h"

#include <sys/mman.h>

int main(void) {
    char *p = mmap(NULL, 64 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    free(opaque(p + 16));
    return survived();
}
