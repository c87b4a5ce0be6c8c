// An array is allocated with its number of elements as its size, and cleared as a whole.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    size_t n = 64;
    int *numbers = malloc(n);
    memset(opaque(numbers), 0, n * sizeof *numbers);
    free(numbers);
    return survived();
}
