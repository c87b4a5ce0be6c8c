// operator new throws when the handler for lack of memory and then the new handlers have given up. The handler is
// called once for each try.
// ways: so a preload
// env: METES_OPTIONS=limit=64m
#include "check.h"

#include <new>

#include "metes.h"

extern "C" metes_oom_handler metes_set_oom_handler(metes_oom_handler) __attribute__((weak));

static volatile int calls = 0, new_calls = 0;
static void *volatile reserve = nullptr;

static int frees(size_t bytes) {
    CHECK(bytes >= 30 * MIB);
    calls = calls + 1;
    if (!reserve) return 0;
    free(reserve);
    reserve = nullptr;
    return 1;
}

static void gives_up_at_two() {
    CHECK(calls == new_calls + 1);
    new_calls = new_calls + 1;
    if (new_calls == 2) std::set_new_handler(nullptr);
}

template <typename Call> static void form(bool throws, Call call) {
    // Nothing to free: one call, then std::bad_alloc or null.
    calls = 0;
    bool caught = false;
    void *block = nullptr;
    try {
        block = call(80 * MIB);
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(block == nullptr && caught == throws && calls == 1);
    // Each new handler causes another try, with another call.
    calls = 0;
    new_calls = 0;
    std::set_new_handler(gives_up_at_two);
    caught = false;
    try {
        block = call(80 * MIB);
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(block == nullptr && caught == throws && calls == 3 && new_calls == 2);
    // What the handler frees serves the request.
    reserve = malloc(40 * MIB);
    CHECK(reserve);
    calls = 0;
    block = call(30 * MIB);
    CHECK(block && calls == 1 && !reserve);
    free(block);
}

int main() {
    served_by_metes();
    auto set_handler = reinterpret_cast<metes_oom_handler (*)(metes_oom_handler)>(dlsym(RTLD_DEFAULT, "metes_set_oom_handler"));
    if (!set_handler) set_handler = metes_set_oom_handler;
    CHECK(set_handler && set_handler(frees) == nullptr);
    std::align_val_t alignment{4096};
    form(true, [](size_t n) { return ::operator new(n); });
    form(true, [](size_t n) { return ::operator new[](n); });
    form(true, [=](size_t n) { return ::operator new(n, alignment); });
    form(true, [=](size_t n) { return ::operator new[](n, alignment); });
    form(false, [](size_t n) { return ::operator new(n, std::nothrow); });
    form(false, [](size_t n) { return ::operator new[](n, std::nothrow); });
    form(false, [=](size_t n) { return ::operator new(n, alignment, std::nothrow); });
    form(false, [=](size_t n) { return ::operator new[](n, alignment, std::nothrow); });
    check_heap();
}
