// The memory of destroyed heaps goes back to the system while the program waits, without a call.
// env: METES_OPTIONS=decay_ms=50
#include "check.h"
#include <metes.h>
#include <time.h>

enum { HEAPS = 200 };

static size_t resident(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages, all;
    CHECK(file != NULL && fscanf(file, "%zu %zu", &all, &pages) == 2);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

int main(void) {
    struct metes_heap *heaps[HEAPS];
    for (int i = 0; i < HEAPS; i++) {
        heaps[i] = metes_heap_new(NULL);
        for (int k = 0; k < 50; k++) {
            memset(metes_heap_malloc(heaps[i], 1000), 1, 1000);
        }
    }
    size_t full = resident();
    for (int i = 0; i < HEAPS; i++) {
        metes_heap_destroy(heaps[i]);
    }
    // It is asked again and again, for a long time on a busy machine.
    for (int i = 0; i < 6000 && resident() + 8 * MIB > full; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    CHECK(resident() + 8 * MIB <= full);
    CHECK(metes_check() == NULL);
    return 0;
}
