// The element behind a vector's last one is written to.
// default: silent
// full: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGABRT metes: M008 .*
#include "include/detect.h"

#include <vector>

int main() {
    {
        std::vector<int> numbers(16);
        opaque(&numbers)->data()[numbers.size()] = 1;
    }
    return survived();
}
