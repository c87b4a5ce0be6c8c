// free_sized is called with the size of something else.
// default: SIGABRT metes: M011 .*
// full: SIGABRT metes: M011 .*
// trailers: SIGABRT metes: M011 .*
// guard: SIGABRT metes: M011 .*
// debug: SIGABRT metes: M011 .*
#include "include/detect.h"

int main(void) {
    if (!free_sized) return not_available();
    char *p = malloc(100);
    free_sized(opaque(p), 200);
    return survived();
}
