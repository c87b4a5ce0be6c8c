// The program replaces only operator new(size_t) and operator delete(void*), over a pool of its own. Arrays, nothrow
// and sized forms have to come to them too, or the pool's pointers end in free.
// cflags: -Wno-sized-deallocation
#include "check.h"

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace {

alignas(16) char pool[1 << 20];
std::size_t used;
int made, dropped;

bool in_pool(void *p) { return p >= pool && p < pool + sizeof pool; }

} // namespace

void *operator new(std::size_t size) {
    size = (size + 15) & ~std::size_t(15);
    if (used + size > sizeof pool) throw std::bad_alloc();
    void *p = pool + used;
    used += size;
    made++;
    return p;
}

void operator delete(void *p) noexcept {
    CHECK(!p || in_pool(p));
    if (p) dropped++;
}

struct Wide {
    virtual ~Wide() {}
    char bytes[300];
};

int main() {
    served_by_metes();
    int expected = 0;
    auto check = [&](void *p) {
        expected++;
        CHECK(in_pool(opaque(p)));
        CHECK(made == expected);
    };
    char *array = opaque(new char[100]);
    check(array);
    delete[] array;
    int *quiet = opaque(new (std::nothrow) int(5));
    check(quiet);
    delete quiet;
    int *quiet_array = opaque(new (std::nothrow) int[50]);
    check(quiet_array);
    delete[] quiet_array;
    Wide *wide = opaque(new Wide);
    check(wide);
    delete wide;
    Wide *wides = opaque(new Wide[3]);
    check(wides);
    delete[] wides;
    void *sized = operator new[](64);
    check(sized);
    operator delete[](sized, std::size_t(64));
    void *raw = operator new(64);
    check(raw);
    operator delete(raw, std::nothrow);
    CHECK(dropped == made);
    // malloc is not called, but works.
    void *p = malloc(100);
    CHECK(p && !in_pool(p));
    free(p);
    std::vector<std::string> strings(10, std::string(100, 'x'));
    strings.clear();
    strings.shrink_to_fit();
    // The nothrow form turns the replaced one's bad_alloc into a null pointer.
    CHECK(opaque(new (std::nothrow) char[sizeof pool]) == nullptr);
    check_heap();
    return 0;
}
