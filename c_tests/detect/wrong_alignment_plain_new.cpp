// Memory of plain new is given back as that of an over-aligned type.
// default: SIGABRT metes: M012 .*
// full: SIGABRT metes: M01[23] .*
// trailers: SIGABRT metes: M01[23] .*
// guard: SIGABRT metes: M012 .*
// debug: SIGABRT metes: M01[23] .*
#include "include/detect.h"

#include <new>

int main() {
    void *p = opaque(operator new(48));
    // Not one that has the alignment by chance.
    for (int i = 0; i < 8 && reinterpret_cast<uintptr_t>(p) % 4096 == 0; i++) p = opaque(operator new(48));
    operator delete(opaque(p), std::align_val_t(4096));
    return survived();
}
