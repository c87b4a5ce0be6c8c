// A block is written to past its end by one thread, and freed by another.
// cflags: -pthread
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/thread.h"

int main(void) {
    other_thread other;
    start_other(&other);
    char *p = malloc(64);
    memset(opaque(p), 'x', 65);
    other_does(&other, free, p);
    return survived();
}
