// An object is written to through the raw pointer of a shared_ptr that let it go.
// default: silent
// full: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGABRT metes: M010 .*
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
