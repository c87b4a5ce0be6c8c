// A small number is freed, as when a structure's pointer is null and a member is taken of it.
// default: SIGABRT metes: M004 .*
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/detect.h"

int main(void) {
    free(opaque((void *)0x30));
    return survived();
}
