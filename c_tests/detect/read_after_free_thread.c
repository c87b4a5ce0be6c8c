// A block is read by one thread after another has freed it.
// cflags: -pthread
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: silent
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/thread.h"

static void reads(void *block) { opaque(((char *)block)[50]); }

int main(void) {
    other_thread other;
    start_other(&other);
    char *p = malloc(100);
    memset(p, 'x', 100);
    free(p);
    other_does(&other, reads, opaque(p));
    return survived();
}
