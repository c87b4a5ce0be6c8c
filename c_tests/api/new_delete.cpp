// Every form of operator new and delete. Blocks are aligned as asked, and every delete that is allowed for a block
// takes it back.

#include "check.h"
#include <new>

static const size_t sizes[] = {0,    1,        8,        16,        24,        100,    1000,
                               4096, 20 * KIB, 64 * KIB, 100 * KIB, 300 * KIB, 3 * MIB};

static void *checked(void *block, size_t size, size_t alignment) {
    CHECK(block && is_aligned(block, alignment));
    CHECK(malloc_usable_size(block) >= size);
    memset(block, 0xa5, size);
    return opaque(block);
}

static void plain(size_t size) {
    const std::nothrow_t &nothrow = std::nothrow;
    ::operator delete(checked(::operator new(size), size, 16));
    ::operator delete(checked(::operator new(size), size, 16), size);
    ::operator delete(checked(::operator new(size), size, 16), nothrow);
    ::operator delete(checked(::operator new(size, nothrow), size, 16));
    ::operator delete(checked(::operator new(size, nothrow), size, 16), size);
    ::operator delete(checked(::operator new(size, nothrow), size, 16), nothrow);
    ::operator delete[](checked(::operator new[](size), size, 16));
    ::operator delete[](checked(::operator new[](size), size, 16), size);
    ::operator delete[](checked(::operator new[](size), size, 16), nothrow);
    ::operator delete[](checked(::operator new[](size, nothrow), size, 16));
    ::operator delete[](checked(::operator new[](size, nothrow), size, 16), size);
    ::operator delete[](checked(::operator new[](size, nothrow), size, 16), nothrow);
}

static void aligned(size_t size, size_t bytes) {
    const std::nothrow_t &nothrow = std::nothrow;
    std::align_val_t alignment{bytes};
    ::operator delete(checked(::operator new(size, alignment), size, bytes), alignment);
    ::operator delete(checked(::operator new(size, alignment), size, bytes), size, alignment);
    ::operator delete(checked(::operator new(size, alignment), size, bytes), alignment, nothrow);
    ::operator delete(checked(::operator new(size, alignment, nothrow), size, bytes), alignment);
    ::operator delete(checked(::operator new(size, alignment, nothrow), size, bytes), size,
                      alignment);
    ::operator delete(checked(::operator new(size, alignment, nothrow), size, bytes), alignment,
                      nothrow);
    ::operator delete[](checked(::operator new[](size, alignment), size, bytes), alignment);
    ::operator delete[](checked(::operator new[](size, alignment), size, bytes), size, alignment);
    ::operator delete[](checked(::operator new[](size, alignment), size, bytes), alignment,
                        nothrow);
    ::operator delete[](checked(::operator new[](size, alignment, nothrow), size, bytes),
                        alignment);
    ::operator delete[](checked(::operator new[](size, alignment, nothrow), size, bytes), size,
                        alignment);
    ::operator delete[](checked(::operator new[](size, alignment, nothrow), size, bytes),
                        alignment, nothrow);
}

static void *null() {
    return opaque(static_cast<void *>(nullptr));
}

static void null_is_nothing() {
    ::operator delete(null());
    ::operator delete(null(), size_t{8});
    ::operator delete(null(), std::nothrow);
    ::operator delete(null(), std::align_val_t{64});
    ::operator delete(null(), size_t{8}, std::align_val_t{64});
    ::operator delete(null(), std::align_val_t{64}, std::nothrow);
    ::operator delete[](null());
    ::operator delete[](null(), size_t{8});
    ::operator delete[](null(), std::nothrow);
    ::operator delete[](null(), std::align_val_t{64});
    ::operator delete[](null(), size_t{8}, std::align_val_t{64});
    ::operator delete[](null(), std::align_val_t{64}, std::nothrow);
}

static int alive = 0;

template <size_t bytes> struct alignas(bytes) Object {
    unsigned char body[bytes * 3];
    Object() { alive++; }
    ~Object() { alive--; }
};

template <size_t bytes> static void objects() {
    auto *one = opaque(new Object<bytes>);
    auto *row = opaque(new Object<bytes>[7]);
    auto *quiet = opaque(new (std::nothrow) Object<bytes>);
    CHECK(is_aligned(one, bytes) && is_aligned(row, bytes) && is_aligned(quiet, bytes));
    CHECK(alive == 9);
    delete one;
    delete[] row;
    delete quiet;
    CHECK(alive == 0);
}

int main() {
    served_by_metes();
    for (size_t size : sizes) {
        plain(size);
        for (size_t alignment = 8; alignment <= 1 * MIB; alignment *= 2)
            aligned(size, alignment);
    }
    null_is_nothing();
    objects<8>();
    objects<16>();
    objects<64>();
    objects<4096>();
    check_heap();
}
