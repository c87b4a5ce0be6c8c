// An object that a unique_ptr owns is deleted by hand.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

#include <memory>

int main() {
    {
        std::unique_ptr<int[]> owner(new int[25]);
        delete[] opaque(owner.get());
    }
    return survived();
}
