// A forked child leaves the caches of its parent's other threads as they are, so that few pages are copied for it.
// Their content is not lost: a new thread takes one cache over, and malloc_trim gives back what the others hold.
// ways: so preload
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

enum { THREADS = 16, COUNT = 40, SIZE = 200, MOST_KIB = 256 };

static pthread_barrier_t cached, ended;

static void *fill_cache(void *arg) {
    void *blocks[COUNT];
    for (size_t size = SIZE; size <= 10 * SIZE; size += SIZE) {
        for (int i = 0; i < COUNT; i++) {
            CHECK(blocks[i] = malloc(size));
            memset(blocks[i], 1, size);
        }
        for (int i = 0; i < COUNT; i++) free(blocks[i]);
    }
    pthread_barrier_wait(&cached);
    pthread_barrier_wait(&ended);
    return arg;
}

// A figure of the process's memory, in KiB. Without stdio, which allocates.
static long kib_of(const char *name) {
    static char text[4096];
    int file = open("/proc/self/smaps_rollup", O_RDONLY);
    CHECK(file >= 0);
    ssize_t length = read(file, text, sizeof text - 1);
    CHECK(length > 0);
    close(file);
    text[length] = 0;
    const char *found = strstr(text, name);
    CHECK(found);
    return strtol(found + strlen(name), NULL, 10);
}

static void *use(void *arg) {
    unsigned char *blocks[2 * COUNT];
    for (int i = 0; i < 2 * COUNT; i++) {
        CHECK(blocks[i] = malloc(SIZE));
        memset(blocks[i], i, SIZE);
    }
    for (int i = 0; i < 2 * COUNT; i++) {
        CHECK(blocks[i][0] == i && blocks[i][SIZE - 1] == i);
        free(blocks[i]);
    }
    return arg;
}

int main(void) {
    pthread_t threads[THREADS], thread;
    served_by_metes();
    CHECK(pthread_barrier_init(&cached, NULL, THREADS + 1) == 0 && pthread_barrier_init(&ended, NULL, THREADS + 1) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, fill_cache, NULL) == 0);
    pthread_barrier_wait(&cached);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        // The stack and the libc's data, which alone are about 100, and few pages of metes.
        long kib = kib_of("\nPrivate_Dirty:");
        if (kib > MOST_KIB) fprintf(stderr, "%ld KiB were copied\n", kib);
        CHECK(kib <= MOST_KIB);
        use(NULL);
        CHECK(pthread_create(&thread, NULL, use, NULL) == 0 && pthread_join(thread, NULL) == 0);
        long resident = kib_of("\nRss:");
        malloc_trim(0);
        // Ten sizes, with a mean of 5.5 times the least. The caches keep at least half of the bytes.
        CHECK(kib_of("\nRss:") < resident - THREADS * COUNT * 55 * SIZE / 1024 / 2);
        check_heap();
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    pthread_barrier_wait(&ended);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
