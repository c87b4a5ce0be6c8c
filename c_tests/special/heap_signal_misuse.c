// A signal handler that has interrupted a heap frees blocks of it, of all sizes, and one twice. Each waits for the next
// call, checked or not, and what follows the double free is freed too.
// env: METES_OPTIONS=abort=no
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of [0-9]+ bytes of the heap "signal" is free already
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of [0-9]+ bytes of the heap "signal" is free already
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of [0-9]+ bytes of the heap "signal" is free already
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of [0-9]+ bytes of the heap "signal" is free already
#include "include/heaps.h"
#include <signal.h>

static const size_t sizes[] = {1, 3, 7, 8, 15, 16, 40, 900, 1100, 70000};
enum { SIZES = sizeof sizes / sizeof *sizes };
static char *blocks[SIZES];
static int handled;

static void on_signal(int signal) {
    (void)signal;
    for (int i = 0; i < SIZES; i++) {
        free(blocks[i]);
        if (i == 1 || i == 8) {
            free(opaque(blocks[i]));
        }
    }
    handled = 1;
}

static int visit(void *block, size_t bytes, void *unused) {
    (void)block, (void)bytes, (void)unused;
    if (!handled) {
        raise(SIGUSR1);
    }
    return 1;
}

int main(void) {
    signal(SIGUSR1, on_signal);
    for (int checks = 0; checks < 2; checks++) {
        struct metes_heap_options options = {.size = sizeof options, .name = "signal", .checks = checks};
        options.single_threaded = 1;
        struct metes_heap *heap = metes_heap_new(&options);
        for (int i = 0; i < SIZES; i++) {
            CHECK((blocks[i] = metes_heap_malloc(heap, sizes[i])));
            memset(blocks[i], i, sizes[i]);
        }
        CHECK(metes_heap_malloc(heap, 50));
        handled = 0;
        metes_heap_walk(heap, visit, NULL);
        CHECK(handled && !metes_heap_check(heap));
        struct metes_heap_stats stats;
        CHECK(metes_heap_stats(heap, &stats, sizeof stats) && stats.blocks == 1);
        metes_heap_destroy(heap);
    }
    return 0;
}
