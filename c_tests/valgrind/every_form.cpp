// Every function that allocates and frees is called rightly: nothing is mixed up, whichever allocator serves.
// ways: valgrind memcheck
// cflags: -Wno-deprecated-declarations
#include "check.h"

#include <malloc.h>
#include <memory>
#include <new>
#include <string>
#include <vector>

extern "C" {
void free_sized(void *, size_t) __attribute__((weak));
void free_aligned_sized(void *, size_t, size_t) __attribute__((weak));
}

struct alignas(64) Aligned {
    char bytes[100];
};

struct Destroyed {
    ~Destroyed() { value = 0; }
    volatile long value = 1;
};

static void operators() {
    constexpr auto aligned = std::align_val_t(64);
    delete opaque(new int);
    delete[] opaque(new int[10]);
    delete opaque(new Aligned);
    delete[] opaque(new Aligned[3]);
    delete[] opaque(new Destroyed[4]);
    ::operator delete(::operator new(10), size_t(10));
    ::operator delete[](::operator new[](10), size_t(10));
    ::operator delete(::operator new(10, aligned), size_t(10), aligned);
    ::operator delete[](::operator new[](10, aligned), size_t(10), aligned);
    ::operator delete(::operator new(10, std::nothrow), std::nothrow);
    ::operator delete[](::operator new[](10, std::nothrow), std::nothrow);
    ::operator delete(::operator new(10, aligned, std::nothrow), aligned, std::nothrow);
    ::operator delete[](::operator new[](10, aligned, std::nothrow), aligned, std::nothrow);
}

static void functions() {
    free(calloc(10, 10));
    free(pvalloc(10));
    free(valloc(10));
    free(memalign(128, 10));
    free(aligned_alloc(256, 512));
    free(reallocarray(nullptr, 4, 5));
    free_sized(malloc(10), 10);
    free_aligned_sized(aligned_alloc(64, 128), 64, 128);
    void *p = nullptr;
    CHECK(posix_memalign(&p, 64, 100) == 0);
    for (size_t size : {200, 300000, 3000000, 10}) {
        p = realloc(p, size);
        CHECK(p && malloc_usable_size(p) >= size);
    }
    CHECK(realloc(p, 0) == nullptr);
}

int main() {
    operators();
    functions();
    std::vector<std::string> strings;
    for (size_t i = 0; i < 200; i++) strings.push_back(std::string(i, 'x'));
    try {
        throw std::string("an exception of some length, on the heap");
    } catch (const std::string &text) {
        CHECK(text.size() > 20);
    }
    return 0;
}
