// A list's element is written to through an iterator that was erased.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

#include <list>

int main() {
    {
        std::list<long> numbers = {1, 2, 3};
        auto second = std::next(numbers.begin());
        long *element = opaque(&*second);
        numbers.erase(second);
        *element = 7;
    }
    return survived();
}
