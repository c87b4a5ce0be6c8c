// An array of objects with destructors, which starts with their number, is deleted as one object.
// default: SIGABRT metes: M003 .*
// full: SIGABRT metes: M003 .*
// trailers: SIGABRT metes: M003 .*
// guard: SIGABRT metes: M003 .*
// debug: SIGABRT metes: M003 .*
#include "include/detect.h"

static int ended;

struct Thing {
    long number = 0;
    ~Thing() { ended++; }
};

int main() {
    Thing *things = opaque(new Thing[12]);
    delete opaque(things);
    return survived();
}
