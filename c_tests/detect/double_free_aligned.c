// A block of posix_memalign is freed twice.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

int main(void) {
    void *p = NULL;
    CHECK(posix_memalign(&p, 64, 100) == 0);
    free(p);
    free(opaque(p));
    return survived();
}
