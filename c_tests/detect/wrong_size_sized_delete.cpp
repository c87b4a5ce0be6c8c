// Memory of operator new is given back with the size that it was about to grow to.
// default: SIGABRT metes: M011 .*
// full: SIGABRT metes: M011 .*
// trailers: SIGABRT metes: M011 .*
// guard: SIGABRT metes: M011 .*
// debug: SIGABRT metes: M011 .*
#include "include/detect.h"

#include <new>

int main() {
    void *p = opaque(operator new(100));
    operator delete(opaque(p), std::size_t(200));
    return survived();
}
