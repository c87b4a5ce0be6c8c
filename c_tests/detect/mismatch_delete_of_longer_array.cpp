// An array of new[] is deleted as its first element.
// default: SIGABRT metes: M011 .*
// full: SIGABRT metes: M01[13] .*
// trailers: SIGABRT metes: M01[13] .*
// guard: SIGABRT metes: M011 .*
// debug: SIGABRT metes: M01[13] .*
#include "include/detect.h"

int main() {
    int *numbers = opaque(new int[100]);
    delete opaque(numbers);
    return survived();
}
