// An object is written to through the raw pointer of a shared_ptr that let it go.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

#include <memory>

struct Record {
    char bytes[200];
};

int main() {
    auto record = std::make_shared<Record>();
    Record *raw = record.get();
    record.reset();
    opaque(raw)->bytes[100] = 'x';
    return survived();
}
