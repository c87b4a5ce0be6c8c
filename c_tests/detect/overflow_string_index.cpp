// A character behind a string's terminating zero is written to.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

#include <string>

int main() {
    {
        std::string text(63, 'x');
        opaque(&text)->data()[64] = 'y';
    }
    return survived();
}
