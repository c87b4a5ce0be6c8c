// A character behind a string's terminating zero is written to.
// default: silent
// full: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGABRT metes: M008 .*
#include "include/detect.h"

#include <string>

int main() {
    {
        std::string text(63, 'x');
        opaque(&text)->data()[64] = 'y';
    }
    return survived();
}
