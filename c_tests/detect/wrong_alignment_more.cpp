// Memory of aligned new is given back with a larger alignment, which it does not have.
// default: SIGABRT metes: M012 .*
// full: SIGABRT metes: M012 .*
// guard: SIGABRT metes: M012 .*
// debug: SIGABRT metes: M012 .*
#include "include/detect.h"

#include <new>

int main() {
    void *p;
    do p = opaque(operator new(192, std::align_val_t(64)));
    while (reinterpret_cast<uintptr_t>(p) % 4096 == 0);
    operator delete(opaque(p), std::align_val_t(4096));
    return survived();
}
