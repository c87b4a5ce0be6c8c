// A process forks while its threads' caches are of all kinds: in use, without a thread, and with their pages given
// back. The child's threads take them over one after the other, whatever is in them.
// ways: preload so
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

enum { ENDED = 40, ALIVE = 20, COUNT = 30, MORE = 80 };

static pthread_barrier_t begun, end;

static void *use(void *arg) {
    unsigned char *blocks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        CHECK(blocks[i] = malloc(20 + 50 * (size_t)i));
        memset(blocks[i], i, 20 + 50 * (size_t)i);
    }
    pthread_barrier_wait(&begun);
    pthread_barrier_wait(&end);
    for (int i = 0; i < COUNT; i++) {
        CHECK(all_bytes_are(blocks[i], 20 + 50 * (size_t)i, (unsigned char)i));
        free(blocks[i]);
    }
    return arg;
}

static void start(pthread_t *threads, unsigned count) {
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, 128 << 10) == 0);
    CHECK(pthread_barrier_init(&begun, NULL, count + 1) == 0 && pthread_barrier_init(&end, NULL, count + 1) == 0);
    for (unsigned i = 0; i < count; i++) CHECK(pthread_create(&threads[i], &attributes, use, NULL) == 0);
    pthread_barrier_wait(&begun);
}

static void finish(pthread_t *threads, unsigned count) {
    pthread_barrier_wait(&end);
    for (unsigned i = 0; i < count; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

static void child(void (*first)(void)) {
    static pthread_t more[MORE];
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        first();
        for (int round = 0; round < 3; round++) {
            start(more, MORE);
            finish(more, MORE);
            check_heap();
            malloc_trim(0);
        }
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void nothing(void) {}
static void trim(void) { malloc_trim(0); }
static void again(void) { child(trim); }

int main(void) {
    static pthread_t ended[ENDED], alive[ALIVE];
    served_by_metes();
    start(ended, ENDED);
    finish(ended, ENDED);
    malloc_trim(0);
    start(ended, ENDED / 2);
    finish(ended, ENDED / 2);
    start(alive, ALIVE);
    child(nothing);
    child(trim);
    child(again);
    finish(alive, ALIVE);
    check_heap();
    return 0;
}
