// An object of new is deleted with delete[].
// default: silent
// full: SIGABRT metes: M013 .*
// trailers: SIGABRT metes: M013 .*
// guard: silent
// debug: SIGABRT metes: M013 .*
#include "include/detect.h"

int main() {
    long *number = opaque(new long(5));
    delete[] opaque(number);
    return survived();
}
