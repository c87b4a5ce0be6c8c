// The element behind an array's last one is written to: `i <= n`.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    int n = 16, *numbers = malloc((size_t)n * sizeof *numbers);
    for (int i = 0; i <= n; i++) opaque(numbers)[i] = i;
    free(numbers);
    return survived();
}
