// An array of new[] is deleted as one object of the same size.
// default: silent
// full: SIGABRT metes: M013 .*
// trailers: SIGABRT metes: M013 .*
// guard: silent
// debug: SIGABRT metes: M013 .*
#include "include/detect.h"

struct Four {
    int numbers[4];
};

int main() {
    int *numbers = opaque(new int[4]);
    delete reinterpret_cast<Four *>(opaque(numbers));
    return survived();
}
