// A structure is allocated with the size of a pointer to it.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

struct record {
    long number;
    char name[56];
};

int main(void) {
    struct record *record = malloc(sizeof(struct record *));
    opaque(record)->number = 1;
    strcpy(opaque(record)->name, "a name that is longer than a pointer");
    free(record);
    return survived();
}
