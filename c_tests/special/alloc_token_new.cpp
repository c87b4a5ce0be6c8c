// The forms of operator new that clang calls with a token: types without pointers from heaps of their own, and where there is no memory the ordinary form throws.
// env: METES_OPTIONS=limit=64m
// ways: so
#include "check.h"
#include <initializer_list>
#include <new>

extern "C" {
void *__alloc_token__Znwm(size_t, size_t);
void *__alloc_token__Znam(size_t, size_t);
void *__alloc_token__ZnwmRKSt9nothrow_t(size_t, const std::nothrow_t &, size_t);
void *__alloc_token__ZnwmSt11align_val_t(size_t, std::align_val_t, size_t);
void *__alloc_token__ZnamSt11align_val_tRKSt9nothrow_t(size_t, std::align_val_t, const std::nothrow_t &, size_t);
void *__alloc_token_0__Znwm(size_t);
void *__alloc_token_1__Znwm(size_t);
void *__alloc_token_0__ZnwmSt11align_val_t(size_t, std::align_val_t);
}

static int without_pointers(void *p) {
    static auto heap_of = reinterpret_cast<void *(*)(void *)>(dlsym(RTLD_DEFAULT, "metes_heap_of"));
    return heap_of(p) != nullptr;
}

template <typename F> static bool throws(F f) {
    try {
        f();
        return false;
    } catch (const std::bad_alloc &) {
        return true;
    }
}

static int handled;

int main() {
    for (size_t token : {size_t(0), size_t(1), size_t(77), ~size_t(0)}) {
        int is = token == 0 || token == 77;
        void *p = __alloc_token__Znwm(100, token);
        CHECK(without_pointers(p) == is);
        operator delete(p, size_t(100));
        p = __alloc_token__Znam(100, token);
        CHECK(without_pointers(p) == is);
        operator delete[](p);
        p = __alloc_token__ZnwmRKSt9nothrow_t(100, std::nothrow, token);
        CHECK(without_pointers(p) == is);
        operator delete(p);
        p = __alloc_token__ZnwmSt11align_val_t(100, std::align_val_t(256), token);
        CHECK(without_pointers(p) == is && reinterpret_cast<uintptr_t>(p) % 256 == 0);
        operator delete(p, std::align_val_t(256));
        p = __alloc_token__ZnamSt11align_val_tRKSt9nothrow_t(100, std::align_val_t(64), std::nothrow, token);
        CHECK(without_pointers(p) == is && reinterpret_cast<uintptr_t>(p) % 64 == 0);
        operator delete[](p, std::align_val_t(64));
        CHECK(throws([&] { __alloc_token__Znwm(size_t(1) << 40, token); }));
        CHECK(throws([&] { __alloc_token__Znwm(100 << 20, token); }));
        CHECK(throws([&] { __alloc_token__ZnwmSt11align_val_t(100 << 20, std::align_val_t(4096), token); }));
        CHECK(__alloc_token__ZnwmRKSt9nothrow_t(100 << 20, std::nothrow, token) == nullptr);
    }
    void *p = __alloc_token_0__Znwm(10), *q = __alloc_token_1__Znwm(10);
    void *r = __alloc_token_0__ZnwmSt11align_val_t(10, std::align_val_t(128));
    CHECK(without_pointers(p) && !without_pointers(q) && without_pointers(r) && reinterpret_cast<uintptr_t>(r) % 128 == 0);
    operator delete(p);
    operator delete(q);
    operator delete(r, std::align_val_t(128));
    std::set_new_handler([] {
        if (++handled == 3) std::set_new_handler(nullptr);
    });
    CHECK(throws([&] { __alloc_token__Znwm(100 << 20, 0); }) && handled == 3);
    return 0;
}
