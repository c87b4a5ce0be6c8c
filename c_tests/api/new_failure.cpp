// A size that cannot be served: every throwing form throws std::bad_alloc, through frames with destructors. Every
// other form returns nullptr.

#include "check.h"
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

static int unwound = 0;

struct Guard {
    ~Guard() { unwound++; }
};

template <typename Call> static void throws(Call call) {
    int before = unwound;
    bool caught = false;
    try {
        Guard guard;
        std::string on_the_heap(100, 'x');
        CHECK(call() == nullptr && !"returned");
    } catch (const std::bad_alloc &error) {
        caught = std::string(error.what()) == "std::bad_alloc";
    }
    CHECK(caught && unwound == before + 1);
}

// Whether operator new is metes' own. With the static library it is the C++ runtime's, on top of metes' malloc.
static bool operators_are_ours() {
    void *found = dlsym(RTLD_DEFAULT, "_ZnwmSt11align_val_t");
    return is_metes() && object_of(found) == object_of(reinterpret_cast<void *>(find_metes_check()));
}

static void every_form(size_t size) {
    // Where rounding the size up to the alignment overflows, libstdc++'s operator returns a block of no bytes.
    for (size_t bytes = 16; bytes <= 1 * MIB; bytes *= 256) {
        if (!operators_are_ours() && size > SIZE_MAX - bytes)
            continue;
        std::align_val_t alignment{bytes};
        throws([=] { return ::operator new(size, alignment); });
        throws([=] { return ::operator new[](size, alignment); });
        CHECK(::operator new(size, alignment, std::nothrow) == nullptr);
        CHECK(::operator new[](size, alignment, std::nothrow) == nullptr);
    }
    throws([=] { return ::operator new(size); });
    throws([=] { return ::operator new[](size); });
    CHECK(::operator new(size, std::nothrow) == nullptr);
    CHECK(::operator new[](size, std::nothrow) == nullptr);
}

struct Thrower {
    char body[1000];
    Thrower() { throw std::runtime_error("no"); }
};

// The block of a constructor that throws is freed by the matching delete.
static void failed_constructors() {
    size_t before = resident_bytes();
    int caught = 0;
    for (int i = 0; i < 100000; i++) {
        try {
            CHECK(opaque(new Thrower) == nullptr);
        } catch (const std::runtime_error &) {
            caught++;
        }
    }
    CHECK(caught == 100000 && resident_bytes() < before + 20 * MIB);
}

int main() {
    served_by_metes();
    for (size_t size : {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 4096, SIZE_MAX / 2 + 1,
                        static_cast<size_t>(PTRDIFF_MAX), SIZE_MAX / 4})
        every_form(opaque(size));
    failed_constructors();

    std::vector<char> characters;
    bool caught = false;
    try {
        characters.reserve(opaque(static_cast<size_t>(PTRDIFF_MAX)));
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(caught);
    check_heap();
}
