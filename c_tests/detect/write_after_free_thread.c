// A block is written to by one thread after another has freed it.
// cflags: -pthread
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/thread.h"

static void writes(void *block) { ((char *)block)[50] = 'x'; }

int main(void) {
    other_thread other;
    start_other(&other);
    char *p = malloc(100);
    free(p);
    other_does(&other, writes, opaque(p));
    return survived();
}
