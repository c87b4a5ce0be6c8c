// A vector's element is written to through an iterator from before the vector grew.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

#include <vector>

int main() {
    {
        std::vector<int> numbers(25);
        auto third = numbers.begin() + 3;
        numbers.push_back(1);
        *opaque(&*third) = 7;
    }
    return survived();
}
