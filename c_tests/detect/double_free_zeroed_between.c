// A block is zeroed after it was freed, which wipes out what an allocator wrote into it, and freed again. Then many
// more blocks of its size are freed.
// default: SIGABRT metes: M001 .*
// full: SIGSEGV metes: M014 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

enum { MORE = 10000 };
static char *more[MORE];

int main(void) {
    char *p = malloc(100);
    for (int i = 0; i < MORE; i++) more[i] = malloc(100);
    free(p);
    memset(opaque(p), 0, 100);
    free(opaque(p));
    for (int i = 0; i < MORE; i++) free(more[i]);
    return survived();
}
