// Sampling is switched on and off while the program runs, and the fast paths serve again afterwards: the call counts
// and the heap are right all the while.
// ways: so a
#include "check.h"

#include "metes.h"

enum { COUNT = 3000 };

static void *all[COUNT];

static struct metes_stats now(void) {
    struct metes_stats stats;
    CHECK(metes_stats(&stats, sizeof stats) == sizeof stats);
    return stats;
}

static void round_of(size_t step) {
    struct metes_stats before = now();
    for (int i = 0; i < COUNT; i++) {
        size_t size = 1 + i * step % 70000;
        CHECK(all[i] = i % 3 ? malloc(size) : calloc(1, size));
        CHECK(malloc_usable_size(all[i]) >= size);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK(all[i] = realloc(all[i], 1 + i * step % 50000));
        free(all[i]);
    }
    struct metes_stats after = now();
    CHECK(after.malloc_calls - before.malloc_calls == COUNT - COUNT / 3);
    CHECK(after.calloc_calls - before.calloc_calls == COUNT / 3);
    CHECK(after.realloc_calls - before.realloc_calls == COUNT);
    CHECK(after.free_calls - before.free_calls == COUNT);
    check_heap();
}

int main(void) {
    static const char *const rates[] = {"on", "off", "100", "64k", "off", "1k", "off"};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        CHECK(metes_option_set("profile", rates[i]) == 0);
        round_of(101 + i);
        char value[32];
        CHECK(metes_option_get("profile", value, sizeof value) > 0);
    }
    return 0;
}
