// Where there is no memory operator new calls the new-handler and throws, as without valgrind.
// ways: memcheck
#include "check.h"

#include <new>

static int asked;

static void gives_up_at_two() {
    if (++asked == 2) std::set_new_handler(nullptr);
}

template <typename New> static void throws(New call_new) {
    asked = 0;
    std::set_new_handler(gives_up_at_two);
    bool caught = false;
    try {
        call_new(opaque(SIZE_MAX / 4));
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(caught && asked == 2);
}

int main() {
    served_by_metes();
    constexpr auto aligned = std::align_val_t(64);
    throws([](size_t n) { return ::operator new(n); });
    throws([](size_t n) { return ::operator new[](n); });
    throws([=](size_t n) { return ::operator new(n, aligned); });
    throws([=](size_t n) { return ::operator new[](n, aligned); });
    return 0;
}
