// An object is deleted through its base, which is 4 bytes smaller and has no virtual destructor.
// cflags: -Wno-delete-non-virtual-dtor
// default: silent
// full: SIGABRT metes: M011 .*
// trailers: SIGABRT metes: M011 .*
// guard: SIGABRT metes: M011 .*
// debug: SIGABRT metes: M011 .*
#include "include/detect.h"

struct Base {
    char bytes[100];
};

struct Derived : Base {
    int number;
};

int main() {
    Base *base = opaque<Base *>(new Derived);
    delete base;
    return survived();
}
