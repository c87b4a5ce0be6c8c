// An object is deleted through its second base, which has no virtual destructor and starts inside it.
// cflags: -Wno-delete-non-virtual-dtor
// default: SIGABRT metes: M003 .*
// full: SIGABRT metes: M003 .*
// trailers: SIGABRT metes: M003 .*
// guard: SIGABRT metes: M003 .*
// debug: SIGABRT metes: M003 .*
#include "include/detect.h"

struct Named {
    char name[64];
};

struct Counted {
    long count[2];
};

struct Thing : Named, Counted {};

int main() {
    Counted *counted = opaque<Counted *>(new Thing);
    delete counted;
    return survived();
}
