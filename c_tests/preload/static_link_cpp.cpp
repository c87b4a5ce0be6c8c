// C++ linked without any shared library: new, delete, exceptions, bad_alloc and threads over metes.
// ways: static
// cflags: -pthread
#include "check.h"

#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static void body() {
    for (int i = 0; i < 200; i++) {
        std::vector<std::string> strings(50, std::string(100, 'x'));
        try {
            strings.at(opaque(50 + static_cast<std::size_t>(i)));
        } catch (const std::out_of_range &) {
        }
        try {
            char *p = new char[opaque(static_cast<std::size_t>(PTRDIFF_MAX) - 100)];
            CHECK(!opaque(p));
        } catch (const std::bad_alloc &) {
        }
    }
}

int main() {
    CHECK(metes_check);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) threads.emplace_back(body);
    for (auto &thread : threads) thread.join();
    void *p = operator new(5000);
    CHECK(malloc_usable_size(p) >= 5000);
    operator delete(p);
    check_heap();
    return 0;
}
