// The pointer that a loop moved through a string is freed, and not the string's start.
// default: SIGABRT metes: M003 .*
// full: SIGABRT metes: M003 .*
// trailers: SIGABRT metes: M003 .*
// guard: SIGABRT metes: M003 .*
// debug: SIGABRT metes: M003 .*
#include "include/detect.h"

int main(void) {
    char *text = malloc(100);
    strcpy(text, "   words");
    while (*text == ' ') text++;
    free(opaque(text));
    return survived();
}
