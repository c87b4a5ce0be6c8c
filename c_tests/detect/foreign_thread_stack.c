// A thread frees a local array of its own.
// cflags: -pthread
// default: SIGABRT metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in (the stack.*|an anonymous mapping)
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/thread.h"

static void frees_its_own(void *unused) {
    char local[64] = "local";
    (void)unused;
    free(opaque(local));
}

int main(void) {
    other_thread other;
    start_other(&other);
    other_does(&other, frees_its_own, NULL);
    return survived();
}
