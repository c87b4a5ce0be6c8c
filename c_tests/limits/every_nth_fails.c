// Every second to eleventh mmap, munmap, mremap and madvise fails. Then every munmap, madvise or mremap fails, or
// two kinds of them. A request that cannot be served returns NULL. Nothing is lost or lies in two places. Freed
// memory can be had again, also where it could not be given back.
// cflags: -pthread
// shared: failing.c
// preload-also: failing first
// timeout: 120
#include "check.h"
#include "statistics.h"

#include "include/exhaust.h"

static void (*fail_every)(long, const char *);
static unsigned long (*failed)(void);

static void live(uint64_t *random) {
    enum { KEPT = 3000 };
    static unsigned char *kept[KEPT];
    static size_t sizes[KEPT];
    for (int i = 0; i < 30000; i++) {
        size_t at = next_random(random) % KEPT;
        size_t size = i % 50 == 0 ? large(random) : i % 7 == 0 ? medium(random) : i % 2 ? small(random) : tiny(random);
        if (kept[at] && i % 3 == 0) {
            unsigned char *moved = realloc(kept[at], size);
            if (moved) {
                size_t both = size < sizes[at] ? size : sizes[at];
                CHECK(holds(moved, 0, both < 64 ? both : 64, (unsigned)at));
                CHECK(size < sizes[at] || holds(moved, both - 8, both, (unsigned)at));
                kept[at] = moved;
                sizes[at] = size;
                fill(moved, 0, size < 64 ? size : 64, (unsigned)at);
                fill(moved, size - 8, size, (unsigned)at);
            }
            continue;
        }
        if (kept[at]) CHECK(holds(kept[at], sizes[at] - 8, sizes[at], (unsigned)at));
        free(kept[at]);
        errno = 0;
        kept[at] = get(size, (unsigned)i);
        sizes[at] = size;
        CHECK(kept[at] || errno == ENOMEM);
        if (kept[at] && i % 8 == 0) CHECK(all_bytes_are(kept[at], size, 0));
        if (kept[at]) {
            fill(kept[at], 0, size < 64 ? size : 64, (unsigned)at);
            fill(kept[at], size - 8, size, (unsigned)at);
        }
        if (i % 5000 == 0) {
            malloc_trim(0);
            check_heap();
        }
    }
    for (int i = 0; i < KEPT; i++) {
        free(kept[i]);
        kept[i] = NULL;
    }
    malloc_trim(0);
    check_heap();
}

int main(void) {
    uint64_t random = 88172645463325252u;
    served_by_metes();
    fail_every = (void (*)(long, const char *))(uintptr_t)dlsym(RTLD_DEFAULT, "fail_every");
    failed = (unsigned long (*)(void))(uintptr_t)dlsym(RTLD_DEFAULT, "failed");
    CHECK(fail_every && failed);
    free(malloc(100));
    for (long n = 2; n <= 11; n++) {
        unsigned long before = failed();
        fail_every(n, "mura");
        live(&random);
        if (n % 4 == 3) in_threads();
        fail_every(0, "mura");
        CHECK(failed() > before + 10);
        live(&random);
    }
    // These calls always fail.
    static const char *const single[] = {"u", "a", "r", "ua", "ur"};
    for (int i = 0; i < 5; i++) {
        fail_every(1, single[i]);
        live(&random);
        fail_every(0, "");
        live(&random);
    }
    struct metes_stats now = statistics();
    CHECK(now.heap_live < MIB && now.mappings == 0);
    check_heap();
    return 0;
}
