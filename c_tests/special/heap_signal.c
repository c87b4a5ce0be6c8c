// A signal handler that interrupts a thread inside a heap frees a block of it: the block waits for the next call.
#include "include/heaps.h"
#include <signal.h>
#include <sys/time.h>

static struct metes_heap *heap;
static char *volatile waiting[64];

static void on_alarm(int signal) {
    (void)signal;
    for (int i = 0; i < 64; i++) {
        char *block = waiting[i];
        if (block) {
            waiting[i] = NULL;
            free(block);
            return;
        }
    }
}

int main(void) {
    heap = heap_named("interrupted");
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    struct itimerval often = {{0, 200}, {0, 200}};
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    uint64_t random = 1;
    for (int round = 0; round < 100000; round++) {
        char *block = metes_heap_malloc(heap, 1 + next_random(&random) % 2000);
        CHECK(block != NULL);
        int i = (int)(next_random(&random) % 64);
        if (waiting[i] == NULL) {
            waiting[i] = block;
        } else {
            metes_heap_free(heap, block);
        }
    }
    struct itimerval never = {{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    HEAP_OK(heap);
    return 0;
}
