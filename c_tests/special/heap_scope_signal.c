// A signal handler allocates in its thread's scope while the thread makes and destroys other heaps: nobody waits for oneself.
#include "include/heaps.h"
#include <signal.h>
#include <sys/time.h>

enum { SIGNALS = 2000 };

static volatile int signals;

static void on_signal(int number) {
    (void)number;
    void *p = malloc(3000000);
    free(p);
    signals++;
}

int main(void) {
    struct metes_heap *heap = heap_named("scope");
    CHECK(metes_heap_enter(heap) == 0);
    signal(SIGALRM, on_signal);
    struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 200000 && signals < SIGNALS; i++) {
        struct metes_heap *other = metes_heap_new(NULL);
        CHECK(other != NULL);
        char *small = metes_heap_malloc(other, 50000), *large = metes_heap_malloc(other, 300000);
        CHECK(small != NULL && large != NULL);
        small[0] = large[0] = 1;
        metes_heap_destroy(other);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK(signals > 0 && metes_heap_leave(heap) == 0);
    HEAP_OK(heap);
    return 0;
}
