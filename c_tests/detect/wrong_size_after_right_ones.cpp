// A size that is wrong, after right ones: by then the fast path serves such deletes.
// default: SIGABRT metes: M011 .*
// full: SIGABRT metes: M011 .*
// trailers: SIGABRT metes: M011 .*
// guard: SIGABRT metes: M011 .*
// debug: SIGABRT metes: M011 .*
#include "include/detect.h"

#include <new>

int main() {
    for (int i = 0; i < 3; i++)
        operator delete(opaque(operator new(100)), std::size_t(100));
    void *p = opaque(operator new(100));
    operator delete(opaque(p), std::size_t(200));
    return survived();
}
