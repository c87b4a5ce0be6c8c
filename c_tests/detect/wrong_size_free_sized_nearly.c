// free_sized is called with a string's length, without its terminating zero.
// default: silent
// full: SIGABRT metes: M011 .*
// trailers: SIGABRT metes: M011 .*
// guard: SIGABRT metes: M011 .*
// debug: SIGABRT metes: M011 .*
#include "include/detect.h"

int main(void) {
    if (!free_sized) return not_available();
    char *text = strdup("a text that was copied");
    free_sized(opaque(text), strlen(text));
    return survived();
}
