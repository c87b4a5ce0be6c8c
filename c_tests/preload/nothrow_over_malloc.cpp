// A C++ runtime's nothrow forms call malloc. delete takes their blocks, and all other families are told apart as
// ever.
// shared: nothrow_mallocs.cpp
// preload-also: nothrow_mallocs last
// default: silent
// full: SIGABRT metes: M013 .*: this block is from new, and was given to free
// trailers: SIGABRT metes: M013 .*: this block is from new, and was given to free
// guard: silent
// debug: SIGABRT metes: M013 .*: this block is from new, and was given to free
#include "check.h"

#include <initializer_list>
#include <new>

int main() {
    served_by_metes();
    const std::nothrow_t &quiet = std::nothrow;
    for (size_t size : {size_t{1}, size_t{100}, size_t{5000}, size_t{100000}, 3 * MIB})
        // The first blocks are guarded where blocks are checked, later ones are not.
        for (int i = 0; i < 100; i++) {
            operator delete(operator new(opaque(size), quiet));
            operator delete(operator new(opaque(size), quiet), size);
            operator delete[](operator new[](opaque(size), quiet));
            operator delete[](operator new[](opaque(size), quiet), size);
        }
    check_heap();
    free(opaque(operator new(100)));
    return 0;
}
