// The handler for lack of memory is called with no lock held: it waits here for a thread that allocates in the same
// arena. A signal handler that interrupts malloc or free anywhere asks for too much, and so does the program itself.
// ways: so preload
// cflags: -pthread
// env: METES_OPTIONS=limit=64m,arenas=1,caches=off
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "metes.h"

extern metes_oom_handler metes_set_oom_handler(metes_oom_handler);
#pragma weak metes_set_oom_handler

static atomic_uint wanted, done;
static atomic_int stop;
static volatile sig_atomic_t signals, refused;
static atomic_uint calls;

static void *serve(void *arg) {
    while (!atomic_load(&stop)) {
        unsigned want = atomic_load(&wanted);
        if (want == atomic_load(&done)) {
            usleep(10);
            continue;
        }
        // No cache holds these blocks, so each takes the lock.
        void *block = malloc(2 * MIB), *other = malloc(100000), *third = malloc(240000);
        CHECK(block && other && third);
        free(block);
        free(other);
        free(third);
        atomic_store(&done, want);
    }
    return arg;
}

static int waits(size_t bytes) {
    CHECK(bytes == 100 * MIB);
    atomic_fetch_add(&calls, 1);
    unsigned mine = atomic_fetch_add(&wanted, 1) + 1;
    while ((int)(atomic_load(&done) - mine) < 0) usleep(10);
    return 0;
}

static void on_signal(int number) {
    (void)number;
    int saved = errno;
    signals++;
    if (malloc(100 * MIB) == NULL) refused++;
    errno = saved;
}

int main(void) {
    enum { BLOCKS = 500 };
    static void *blocks[BLOCKS];
    uint64_t random = 88172645463325252u;
    pthread_t thread;
    sigset_t alarm;
    served_by_metes();
    metes_oom_handler (*set_handler)(metes_oom_handler) =
        (metes_oom_handler(*)(metes_oom_handler))(uintptr_t)dlsym(RTLD_DEFAULT, "metes_set_oom_handler");
    CHECK(set_handler && set_handler(waits) == NULL);
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    CHECK(pthread_sigmask(SIG_BLOCK, &alarm, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, serve, NULL) == 0);
    CHECK(signal(SIGALRM, on_signal) != SIG_ERR);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &alarm, NULL) == 0);
    struct itimerval often = {{0, 300}, {0, 300}};
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    while (signals < 4000) {
        size_t at = next_random(&random) % BLOCKS;
        free(blocks[at]);
        blocks[at] = malloc(1 + next_random(&random) % (at % 5 ? 2000 : 100000));
        if (next_random(&random) % 3000 == 0) CHECK(malloc(100 * MIB) == NULL);
    }
    struct itimerval never = {{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(refused == signals && calls > 0);
    for (int i = 0; i < BLOCKS; i++) free(blocks[i]);
    atomic_store(&stop, 1);
    CHECK(pthread_join(thread, NULL) == 0);
    check_heap();
    return 0;
}
