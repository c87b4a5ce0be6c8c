// Memory of alloca is freed.
// default: SIGABRT metes: M004 .*
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/detect.h"

#include <alloca.h>

int main(void) {
    char *p = alloca(100);
    strcpy(p, "local");
    free(opaque(p));
    return survived();
}
