// Where the new handler makes room, every form of operator new then returns a block of its own form: it has the size
// and alignment that were asked for, and its own delete takes it back.
// ways: preload
// env: METES_OPTIONS=limit=64m
// default: silent
// full: silent
// guard: silent
#include "check.h"

#include <initializer_list>
#include <new>

namespace {

constexpr std::align_val_t alignment{128};

void *kept;
int asked;

void make_room() {
    asked++;
    CHECK(kept);
    free(kept);
    kept = nullptr;
}

struct Quit {};

void quit() { throw Quit(); }

void keep(size_t bytes) {
    CHECK((kept = malloc(bytes)));
    asked = 0;
}

// One large block, which fits only after the handler has freed.
template <typename New, typename Delete> void large(New call_new, Delete call_delete) {
    for (size_t size : {size_t{30000005}, size_t{30000000}, size_t{29999999}}) {
        keep(40 * MIB);
        void *block = call_new(opaque(size));
        CHECK(block && asked == 1);
        call_delete(block, size);
    }
}

// Small blocks until memory is out.
template <typename New, typename Delete> void small(New call_new, Delete call_delete) {
    static void *blocks[1 << 20];
    for (size_t size : {size_t{0}, size_t{40}}) {
        keep(52 * MIB);
        int count = 0;
        while (asked == 0) {
            CHECK(count < 1 << 20);
            CHECK((blocks[count++] = call_new(opaque(size))));
        }
        while (count > 0) call_delete(blocks[--count], size);
    }
}

// The throwing forms pass on the handler's exception. The others do not.
template <typename New> void throws(bool through, New call_new) {
    std::set_new_handler(quit);
    bool caught = false;
    void *volatile block = nullptr;
    try {
        block = call_new(opaque(100 * MIB));
    } catch (const Quit &) {
        caught = true;
    }
    CHECK(!block && caught == through);
    std::set_new_handler(make_room);
}

template <typename New, typename Delete, typename Sized> void form(bool throwing, New call_new, Delete call_delete, Sized call_sized) {
    large(call_new, [=](void *block, size_t) { call_delete(block); });
    large(call_new, call_sized);
    small(call_new, call_sized);
    throws(throwing, call_new);
}

void plain() {
    auto plain_delete = [](void *p) { ::operator delete(p); };
    auto sized_delete = [](void *p, size_t n) { ::operator delete(p, n); };
    form(true, [](size_t n) { return ::operator new(n); }, plain_delete, sized_delete);
    form(false, [](size_t n) { return ::operator new(n, std::nothrow); }, plain_delete, sized_delete);
    auto array_delete = [](void *p) { ::operator delete[](p); };
    auto array_sized_delete = [](void *p, size_t n) { ::operator delete[](p, n); };
    form(true, [](size_t n) { return ::operator new[](n); }, array_delete, array_sized_delete);
    form(false, [](size_t n) { return ::operator new[](n, std::nothrow); }, array_delete, array_sized_delete);
}

void aligned() {
    auto checked = [](void *p) {
        CHECK(is_aligned(p, 128));
        return p;
    };
    auto plain_delete = [](void *p) { ::operator delete(p, alignment); };
    auto sized_delete = [](void *p, size_t n) { ::operator delete(p, n, alignment); };
    form(true, [=](size_t n) { return checked(::operator new(n, alignment)); }, plain_delete, sized_delete);
    form(false, [=](size_t n) { return checked(::operator new(n, alignment, std::nothrow)); }, plain_delete, sized_delete);
    auto array_delete = [](void *p) { ::operator delete[](p, alignment); };
    auto array_sized_delete = [](void *p, size_t n) { ::operator delete[](p, n, alignment); };
    form(true, [=](size_t n) { return checked(::operator new[](n, alignment)); }, array_delete, array_sized_delete);
    form(false, [=](size_t n) { return checked(::operator new[](n, alignment, std::nothrow)); }, array_delete, array_sized_delete);
}

} // namespace

int main() {
    served_by_metes();
    std::set_new_handler(make_room);
    plain();
    aligned();
    // An invalid alignment fails at once, without a call of the handler.
    keep(MIB);
    bool caught = false;
    try {
        opaque(::operator new(16, opaque(std::align_val_t{24})));
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(caught && asked == 0);
    free(kept);
    check_heap();
    return 0;
}
