// An object is deleted through its base, which is much smaller and has no virtual destructor.
// cflags: -Wno-delete-non-virtual-dtor
// default: SIGABRT metes: M011 .*
// full: SIGABRT metes: M011 .*
// trailers: SIGABRT metes: M011 .*
// guard: SIGABRT metes: M011 .*
// debug: SIGABRT metes: M011 .*
#include "include/detect.h"

struct Base {
    int number;
};

struct Derived : Base {
    char bytes[1000];
};

int main() {
    Base *base = opaque<Base *>(new Derived);
    delete base;
    return survived();
}
