// An array of new[] is freed.
// default: silent
// full: SIGABRT metes: M013 .*
// trailers: SIGABRT metes: M013 .*
// guard: silent
// debug: SIGABRT metes: M013 .*
#include "include/detect.h"

int main() {
    char *bytes = opaque(new char[100]);
    free(opaque(bytes));
    return survived();
}
