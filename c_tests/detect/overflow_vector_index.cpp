// The element behind a vector's last one is written to.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

#include <vector>

int main() {
    {
        std::vector<int> numbers(16);
        opaque(&numbers)->data()[numbers.size()] = 1;
    }
    return survived();
}
