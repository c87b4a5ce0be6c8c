// An object of an over-aligned type is deleted as memory without an alignment.
// default: silent
// full: SIGABRT metes: M01[23] .*
// trailers: SIGABRT metes: M01[23] .*
// guard: silent
// debug: SIGABRT metes: M01[23] .*
#include "include/detect.h"

#include <new>

struct alignas(64) Line {
    char bytes[64];
};

int main() {
    Line *line = opaque(new Line);
    operator delete(opaque(line));
    return survived();
}
