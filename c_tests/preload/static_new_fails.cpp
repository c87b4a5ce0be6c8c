// A static program that asks nothing else of the C++ runtime still gets std::bad_alloc from an impossible new.
// ways: static
#include "check.h"

#include <new>

int main() {
    served_by_metes();
    bool caught = false;
    try {
        char *volatile p = new char[static_cast<size_t>(1) << 62];
        (void)p;
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(caught);
    check_heap();
    return 0;
}
