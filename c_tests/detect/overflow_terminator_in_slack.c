// A string of 100 characters is copied into 100 bytes, where every allocator has rounded the size up.
// default: silent
// full: SIGABRT metes: M008 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGABRT metes: M008 .*
// debug: SIGABRT metes: M008 .*
#include "include/detect.h"

int main(void) {
    char text[101];
    memset(text, 'x', 100);
    text[100] = 0;
    char *p = malloc(100);
    strcpy(opaque(p), opaque(text));
    free(p);
    return survived();
}
