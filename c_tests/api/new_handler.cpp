// The new handler is called until it makes room, is removed, or throws. Where it throws, a nothrow form returns
// nullptr.

#include "check.h"
#include <new>
#include <sys/resource.h>

static const size_t impossible = SIZE_MAX / 4;
static int calls = 0;
static void *reserve = nullptr;

struct Quit : std::bad_alloc {};

static void gives_up_at_three() {
    if (++calls == 3)
        std::set_new_handler(nullptr);
}

static void throws_at_two() {
    if (++calls == 2)
        throw Quit();
}

static void makes_room() {
    calls++;
    CHECK(reserve);
    free(reserve);
    reserve = nullptr;
}

enum Outcome { returned, null, bad_alloc, quit };

template <typename Call> static Outcome outcome_with(std::new_handler handler, Call call) {
    calls = 0;
    std::set_new_handler(handler);
    Outcome outcome;
    try {
        void *block = call();
        outcome = block ? returned : null;
        free(block);
    } catch (const Quit &) {
        outcome = quit;
    } catch (const std::bad_alloc &) {
        outcome = bad_alloc;
    }
    std::set_new_handler(nullptr);
    return outcome;
}

template <typename Call> static void throwing_form(Call call) {
    CHECK(outcome_with(nullptr, call) == bad_alloc && calls == 0);
    CHECK(outcome_with(gives_up_at_three, call) == bad_alloc && calls == 3);
    CHECK(outcome_with(throws_at_two, call) == quit && calls == 2);
}

template <typename Call> static void nothrow_form(Call call) {
    CHECK(outcome_with(nullptr, call) == null && calls == 0);
    CHECK(outcome_with(gives_up_at_three, call) == null && calls == 3);
    CHECK(outcome_with(throws_at_two, call) == null && calls == 2);
}

// Memory is really out: the block has room only after the handler has freed.
static void a_handler_that_makes_room() {
    reserve = malloc(300 * MIB);
    CHECK(reserve);
    rlimit old, tight;
    CHECK(getrlimit(RLIMIT_AS, &old) == 0);
    size_t pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    CHECK(statm && fscanf(statm, "%zu", &pages) == 1);
    fclose(statm);
    tight = old;
    tight.rlim_cur = pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) + 50 * MIB;
    CHECK(setrlimit(RLIMIT_AS, &tight) == 0);
    Outcome outcome = outcome_with(makes_room, [] { return ::operator new(200 * MIB); });
    CHECK(setrlimit(RLIMIT_AS, &old) == 0);
    CHECK(outcome == returned && calls == 1);
}

int main() {
    served_by_metes();
    size_t size = opaque(impossible);
    std::align_val_t alignment{256};
    throwing_form([=] { return ::operator new(size); });
    throwing_form([=] { return ::operator new[](size); });
    throwing_form([=] { return ::operator new(size, alignment); });
    throwing_form([=] { return ::operator new[](size, alignment); });
    nothrow_form([=] { return ::operator new(size, std::nothrow); });
    nothrow_form([=] { return ::operator new[](size, std::nothrow); });
    nothrow_form([=] { return ::operator new(size, alignment, std::nothrow); });
    nothrow_form([=] { return ::operator new[](size, alignment, std::nothrow); });
    a_handler_that_makes_room();
    check_heap();
}
