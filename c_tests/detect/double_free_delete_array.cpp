// An array is deleted twice.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

int main() {
    int *numbers = opaque(new int[25]);
    delete[] numbers;
    delete[] opaque(numbers);
    return survived();
}
