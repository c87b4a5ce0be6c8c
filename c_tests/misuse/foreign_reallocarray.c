// reallocarray of static data.
// stderr: metes: M004 foreign pointer: realloc(array)?\(0x[0-9a-f]+\): not from metes; it is in /.*
// exit: SIGABRT
#include "check.h"

static char data[64] = "static data";

int main(void) {
    return reallocarray(opaque(data), 10, 10) != NULL;
}
