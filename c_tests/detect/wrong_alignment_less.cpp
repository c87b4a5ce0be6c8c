// Memory of aligned new is given back with a smaller alignment.
// default: silent
// full: SIGABRT metes: M012 .*
// trailers: SIGABRT metes: M012 .*
// guard: silent
// debug: SIGABRT metes: M012 .*
#include "include/detect.h"

#include <new>

int main() {
    void *p = opaque(operator new(192, std::align_val_t(64)));
    operator delete(opaque(p), std::align_val_t(32));
    return survived();
}
