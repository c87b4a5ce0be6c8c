// A program replaces only the basic pair. Every other form that is not aligned calls it.
// cflags: -Wno-sized-deallocation

#include "check.h"
#include <memory>
#include <new>
#include <string>
#include <vector>

static int made = 0, taken = 0;
static bool refuse = false;

// The word in front of each block. It shows delete a block of any other new.
static const uint64_t mark = 0x6d65746573206f6b;

void *operator new(size_t size) {
    if (refuse)
        throw std::bad_alloc();
    made++;
    auto *block = static_cast<uint64_t *>(malloc(size + 16));
    CHECK(block);
    block[0] = mark;
    return block + 2;
}

void operator delete(void *object) noexcept {
    if (!object)
        return;
    taken++;
    auto *block = static_cast<uint64_t *>(object) - 2;
    CHECK(block[0] == mark);
    block[0] = 0;
    free(block);
}

#define CALLS_OURS(call_new, call_delete)                                                          \
    do {                                                                                           \
        made = taken = 0;                                                                          \
        void *block = opaque(static_cast<void *>(call_new));                                       \
        CHECK(block && made == 1 && taken == 0);                                                   \
        call_delete;                                                                               \
        CHECK(made == 1 && taken == 1);                                                            \
    } while (0)

int main() {
    served_by_metes();
    size_t size = opaque(size_t{100});
    CALLS_OURS(::operator new(size), ::operator delete(block));
    CALLS_OURS(::operator new(size), ::operator delete(block, size));
    CALLS_OURS(::operator new(size), ::operator delete(block, std::nothrow));
    CALLS_OURS(::operator new(size, std::nothrow), ::operator delete(block));
    CALLS_OURS(::operator new[](size), ::operator delete[](block));
    CALLS_OURS(::operator new[](size), ::operator delete[](block, size));
    CALLS_OURS(::operator new[](size), ::operator delete[](block, std::nothrow));
    CALLS_OURS(::operator new[](size, std::nothrow), ::operator delete[](block));

    // Where the replaced form throws, the nothrow forms return nullptr.
    refuse = true;
    CHECK(::operator new(size, std::nothrow) == nullptr);
    CHECK(::operator new[](size, std::nothrow) == nullptr);
    bool caught = false;
    try {
        CHECK(opaque(::operator new[](size)) == nullptr);
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(caught);
    refuse = false;

    // The aligned forms are another pair and stay the allocator's.
    made = taken = 0;
    std::align_val_t alignment{64};
    ::operator delete(opaque(::operator new(size, alignment)), alignment);
    ::operator delete[](opaque(::operator new[](size, alignment)), size, alignment);
    CHECK(made == 0 && taken == 0);

    {
        std::vector<std::string> words(100, std::string(200, 'w'));
        auto shared = std::make_shared<std::string>(300, 's');
        words.push_back(*shared);
        CHECK(made > 100);
    }
    CHECK(made == taken);
    check_heap();
}
