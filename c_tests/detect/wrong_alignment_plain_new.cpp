// Memory of plain new is given back as that of an over-aligned type.
// default: SIGABRT metes: M012 .*
// full: SIGABRT metes: M01[23] .*
// guard: SIGABRT metes: M012 .*
// debug: SIGABRT metes: M01[23] .*
#include "include/detect.h"

#include <new>

int main() {
    void *p;
    do p = opaque(operator new(48));
    while (reinterpret_cast<uintptr_t>(p) % 64 == 0);
    operator delete(opaque(p), std::align_val_t(64));
    return survived();
}
