// An array in memory of strdup is deleted with delete[].
// default: silent
// full: SIGABRT metes: M013 .*
// trailers: SIGABRT metes: M013 .*
// guard: silent
// debug: SIGABRT metes: M013 .*
#include "include/detect.h"

int main() {
    char *text = strdup("a text that was copied");
    delete[] opaque(text);
    return survived();
}
