// The result of localtime is freed, which belongs to the libc.
// default: SIGABRT metes: M004 .*
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/detect.h"

#include <time.h>

int main(void) {
    time_t now = 0;
    free(opaque(localtime(&now)));
    return survived();
}
