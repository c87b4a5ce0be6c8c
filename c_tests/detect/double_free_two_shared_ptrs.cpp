// Two shared_ptrs are made of the same raw pointer, each with a count of its own.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

#include <memory>

struct Record {
    char bytes[200];
};

int main() {
    {
        Record *raw = opaque(new Record);
        std::shared_ptr<Record> first(raw), second(opaque(raw));
    }
    return survived();
}
