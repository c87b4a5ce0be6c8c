// A block of 100 KiB is given back with a tenth of its size.
// default: SIGABRT metes: M011 .*
// full: SIGABRT metes: M011 .*
// trailers: SIGABRT metes: M011 .*
// guard: SIGABRT metes: M011 .*
// debug: SIGABRT metes: M011 .*
#include "include/detect.h"

#include <new>

int main() {
    void *p = opaque(operator new(100 * KIB));
    operator delete(opaque(p), 10 * KIB);
    return survived();
}
