// The only pointer to a block is overwritten with the next one's.
// default: silent
// full: silent
// trailers: silent
// guard: silent
// debug: 0 metes: M016 .*
#include "include/detect.h"

static char *text;

__attribute__((noinline)) static void replaces(void) {
    for (int i = 0; i < 10; i++) text = opaque(malloc(100));
}

int main(void) {
    replaces();
    free(text);
    text = NULL;
    return survived();
}
