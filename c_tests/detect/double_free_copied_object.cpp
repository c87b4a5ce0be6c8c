// A class that owns memory has no copy constructor of its own, and is copied.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

struct Buffer {
    char *bytes = opaque(new char[100]);
    ~Buffer() { delete[] opaque(bytes); }
};

int main() {
    {
        Buffer first;
        Buffer second = first;
        second.bytes[0] = 1;
    }
    return survived();
}
