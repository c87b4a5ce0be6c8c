// A block is freed, the next malloc gets it, and the old pointer is freed once more: then its new owner frees it too.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

int main(void) {
    char *stale = malloc(100);
    free(stale);
    char *owner = malloc(100);
    strcpy(owner, "mine");
    free(opaque(stale));
    free(owner);
    return survived();
}
