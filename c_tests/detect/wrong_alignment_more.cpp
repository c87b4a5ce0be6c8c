// Memory of aligned new is given back with a larger alignment, which it does not have.
// default: SIGABRT metes: M012 .*
// full: SIGABRT metes: M012 .*
// trailers: SIGABRT metes: M012 .*
// guard: SIGABRT metes: M012 .*
// debug: SIGABRT metes: M012 .*
#include "include/detect.h"

#include <new>

int main() {
    std::align_val_t aligned{64}, wrong{4096};
    void *p = opaque(operator new(192, aligned));
    // Not one that has the alignment by chance.
    for (int i = 0; i < 8 && reinterpret_cast<uintptr_t>(p) % 4096 == 0; i++) p = opaque(operator new(192, aligned));
    operator delete(opaque(p), wrong);
    return survived();
}
