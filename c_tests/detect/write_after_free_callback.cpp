// A lambda writes to an object that it refers to after the object is deleted.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

#include <functional>

struct Counter {
    char name[56];
    long count = 0;
};

int main() {
    {
        Counter *counter = opaque(new Counter);
        std::function<void()> count = [counter] { opaque(counter)->count++; };
        delete counter;
        count();
    }
    return survived();
}
