// A program replaces only the aligned pair. Every other aligned form calls it, and no plain form does.
// cflags: -Wno-sized-deallocation

#include "check.h"
#include <new>

static int made = 0, taken = 0;
static bool refuse = false;
static void *last = nullptr;

void *operator new(size_t size, std::align_val_t alignment) {
    if (refuse)
        throw std::bad_alloc();
    made++;
    last = aligned_alloc(static_cast<size_t>(alignment), size);
    CHECK(last);
    return last;
}

void operator delete(void *object, std::align_val_t) noexcept {
    taken++;
    CHECK(object == last);
    free(object);
}

#define CALLS_OURS(call_new, call_delete)                                                          \
    do {                                                                                           \
        made = taken = 0;                                                                          \
        void *block = opaque(static_cast<void *>(call_new));                                       \
        CHECK(block == last && made == 1 && taken == 0);                                           \
        call_delete;                                                                               \
        CHECK(made == 1 && taken == 1);                                                            \
    } while (0)

struct alignas(128) Wide {
    char body[300];
};

int main() {
    served_by_metes();
    size_t size = opaque(size_t{200});
    std::align_val_t to{64};
    const std::nothrow_t &quiet = std::nothrow;
    CALLS_OURS(::operator new(size, to), ::operator delete(block, to));
    CALLS_OURS(::operator new(size, to), ::operator delete(block, size, to));
    CALLS_OURS(::operator new(size, to), ::operator delete(block, to, quiet));
    CALLS_OURS(::operator new(size, to, quiet), ::operator delete(block, to));
    CALLS_OURS(::operator new[](size, to), ::operator delete[](block, to));
    CALLS_OURS(::operator new[](size, to), ::operator delete[](block, size, to));
    CALLS_OURS(::operator new[](size, to), ::operator delete[](block, to, quiet));
    CALLS_OURS(::operator new[](size, to, quiet), ::operator delete[](block, to));
    CALLS_OURS(new Wide, delete static_cast<Wide *>(block));
    CALLS_OURS(new Wide[3], delete[] static_cast<Wide *>(block));

    refuse = true;
    CHECK(::operator new(size, to, quiet) == nullptr);
    CHECK(::operator new[](size, to, quiet) == nullptr);
    refuse = false;

    made = taken = 0;
    ::operator delete(opaque(::operator new(size)));
    ::operator delete[](opaque(::operator new[](size)), size);
    CHECK(made == 0 && taken == 0);
    check_heap();
}
