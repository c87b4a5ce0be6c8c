// The handler for lack of memory is called once for each request that fails, whichever function was called, with the
// size asked for. What the handler frees serves the request. The handler may allocate, and is not called for its own
// failures.
// ways: so a preload
// cflags: -pthread
// env: METES_OPTIONS=limit=64m
#include "check.h"

#include <pthread.h>
#include <signal.h>

#include "metes.h"

extern metes_oom_handler metes_set_oom_handler(metes_oom_handler) __attribute__((weak));

static metes_oom_handler (*set_handler)(metes_oom_handler);
// Volatile, because compilers know that malloc calls no function of the program.
static volatile int calls;
static volatile size_t asked;
static void *volatile reserve;

static int gives_up(size_t bytes) {
    calls++;
    asked = bytes;
    errno = EBADF; // The caller must not see this.
    return 0;
}

static int frees(size_t bytes) {
    gives_up(bytes);
    if (!reserve) return 0;
    free(reserve);
    reserve = NULL;
    return 1;
}

static int three_times(size_t bytes) {
    gives_up(bytes);
    return calls < 3;
}

static int allocates(size_t bytes) {
    gives_up(bytes);
    void *small = malloc(100);
    CHECK(small);
    free(small);
    errno = 0;
    CHECK(malloc(70 * MIB) == NULL && errno == ENOMEM);
    CHECK(realloc(NULL, 70 * MIB) == NULL);
    return 0;
}

// Fails with every function: each calls the handler `expected` times.
static void fails(int expected, size_t size) {
    void *out = &out, *small = malloc(100);
    CHECK(small);
    fill(small, 0, 100, 3);
#define ASKS(call)                                                                                                     \
    do {                                                                                                               \
        calls = 0;                                                                                                     \
        errno = 0;                                                                                                     \
        CHECK((call) == NULL && errno == ENOMEM);                                                                      \
        CHECK(calls == expected && (!calls || asked == size));                                                         \
    } while (0)
    ASKS(malloc(size));
    ASKS(calloc(1, size));
    ASKS(calloc(size / 8, 8));
    ASKS(realloc(NULL, size));
    ASKS(realloc(small, size));
    ASKS(reallocarray(small, size / 8, 8));
    ASKS(aligned_alloc(4096, size));
    ASKS(memalign(1 << 20, size));
    ASKS(valloc(size));
    ASKS(pvalloc(size));
    calls = 0;
    errno = EDOM;
    CHECK(posix_memalign(&out, 64, size) == ENOMEM && errno == ENOMEM && out == &out && calls == expected);
    CHECK(holds(small, 0, 100, 3));
    free(small);
}

static void *in_thread(void *arg) {
    for (int i = 0; i < 100; i++) CHECK(malloc(100 * MIB) == NULL);
    return arg;
}

static volatile sig_atomic_t handled;

static void on_signal(int number) {
    (void)number;
    CHECK(malloc(100 * MIB) == NULL);
    handled = 1;
}

int main(void) {
    served_by_metes();
    set_handler = (metes_oom_handler(*)(metes_oom_handler))(uintptr_t)dlsym(RTLD_DEFAULT, "metes_set_oom_handler");
    if (!set_handler) set_handler = metes_set_oom_handler;
    CHECK(set_handler);
    fails(0, 80 * MIB);
    CHECK(set_handler(gives_up) == NULL);
    fails(1, 80 * MIB);
    fails(1, (size_t)1 << 40);
    // The handler is not called for a size that no machine has.
    calls = 0;
    size_t most = opaque(SIZE_MAX);
    CHECK(malloc(most / 2 + 1) == NULL && errno == ENOMEM);
    CHECK(calloc(most / 2, 3) == NULL && realloc(NULL, most) == NULL && aligned_alloc(64, most) == NULL);
    CHECK(calls == 0);
    // A free by realloc is not a failure.
    CHECK(realloc(malloc(100), 0) == NULL && calls == 0);

    CHECK(set_handler(three_times) == gives_up);
    calls = 0;
    CHECK(malloc(80 * MIB) == NULL && calls == 3);

    CHECK(set_handler(frees) == three_times);
    for (int i = 0; i < 4; i++) {
        CHECK((reserve = malloc(40 * MIB)));
        memset(reserve, 1, 40 * MIB);
        calls = 0;
        unsigned char *block = NULL;
        if (i == 0) block = malloc(30 * MIB);
        if (i == 1) block = calloc(30, MIB);
        if (i == 2) block = memalign(MIB, 30 * MIB);
        if (i == 3) {
            CHECK((block = malloc(MIB)));
            fill(block, 0, MIB, 9);
            CHECK((block = realloc(block, 30 * MIB)) && holds(block, 0, MIB, 9));
        }
        CHECK(block && calls == 1 && !reserve);
        CHECK(i != 1 || all_bytes_are(block, 30 * MIB, 0));
        free(block);
    }
    calls = 0;
    CHECK(malloc(80 * MIB) == NULL && calls == 1);

    // Small blocks, until memory is used up.
    static void *blocks[1 << 20];
    int count = 0;
    CHECK((reserve = malloc(MIB)));
    calls = 0;
    while ((blocks[count] = malloc(100))) count++;
    CHECK(calls == 2 && !reserve && count > 400000);
    while (count) free(blocks[--count]);

    CHECK(set_handler(allocates) == frees);
    fails(1, 80 * MIB);
    check_heap();

    pthread_t threads[4];
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, in_thread, NULL) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);

    // In a signal handler that has not interrupted the allocator, the handler is called as anywhere.
    CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
    calls = 0;
    CHECK(raise(SIGUSR1) == 0 && handled && calls == 1);
    CHECK(set_handler(NULL) == allocates);
    fails(0, 80 * MIB);
    check_heap();
    return 0;
}
