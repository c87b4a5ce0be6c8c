// The first byte of the last of many blocks of no bytes is read: not only a process's first blocks are guarded.
// default: silent
// full: SIGSEGV metes: M015 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    static char *kept[1000];
    for (int i = 0; i < 1000; i++) CHECK((kept[i] = malloc(40)));
    for (int i = 0; i < 1000; i++) free(kept[i]);
    for (int i = 0; i < 1000; i++) free(malloc(opaque((size_t)0)));
    char *p = malloc(opaque((size_t)0));
    volatile char c = *(volatile char *)opaque(p);
    (void)c;
    free(p);
    return survived();
}
