// Exceptions are thrown and caught in many threads, across frames that own memory, and rethrown in another thread.
// Impossible sizes throw bad_alloc. Nothing of the allocator is in the way of the unwinder.
// cflags: -pthread
#include "check.h"

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Heavy : std::runtime_error {
    std::vector<std::string> load;
    explicit Heavy(int depth) : std::runtime_error("thrown from a depth that does not fit into a short string"), load(20, std::string(100, 'x')) {
        load.emplace_back(std::to_string(depth));
    }
};

void deeper(int depth) {
    std::string mine(200 + static_cast<std::size_t>(depth), 'y');
    std::vector<int> numbers(100, depth);
    if (depth == 0) throw Heavy(depth);
    deeper(depth - 1);
    numbers.push_back(opaque(depth));
}

std::exception_ptr body(int rounds) {
    std::exception_ptr last;
    for (int i = 0; i < rounds; i++) {
        try {
            deeper(i % 20);
            CHECK(!"thrown");
        } catch (const Heavy &heavy) {
            CHECK(heavy.load.size() == 21);
            last = std::current_exception();
        }
        try {
            char *p = new char[opaque(static_cast<std::size_t>(PTRDIFF_MAX) - 100)];
            CHECK(!opaque(p));
        } catch (const std::bad_alloc &) {
        }
    }
    return last;
}

} // namespace

int main() {
    served_by_metes();
    std::vector<std::exception_ptr> caught(8);
    {
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; i++)
            threads.emplace_back([&caught, i] { caught[static_cast<std::size_t>(i)] = body(300); });
        for (auto &thread : threads) thread.join();
    }
    for (auto &exception : caught) {
        try {
            std::rethrow_exception(exception);
        } catch (const Heavy &heavy) {
            CHECK(heavy.load.at(0).size() == 100);
        }
        exception = nullptr;
    }
    CHECK(new (std::nothrow) char[opaque(static_cast<std::size_t>(PTRDIFF_MAX) - 100)] == nullptr);
    check_heap();
    return 0;
}
