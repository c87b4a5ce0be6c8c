// Two dozen libraries with thread-local memory are opened while threads run, touched by each thread, closed and
// opened again.
// shared: big_tls.c
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "include/life.h"

enum { LIBRARIES = 24, THREADS = 4, ROUNDS = 5 };

static int (*touch[LIBRARIES])(void);
static void (*drop[LIBRARIES])(void);
static pthread_barrier_t turn;

static void *body(void *arg) {
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&turn);
        for (int i = 0; i < LIBRARIES; i++) CHECK(touch[i]() && touch[i]());
        life((unsigned)round);
        for (int i = 0; i < LIBRARIES; i++) drop[i]();
        pthread_barrier_wait(&turn);
    }
    return arg;
}

// ld.so knows libraries by their inodes, so each needs a file of its own.
static void *open_copy(const char *path) {
    char copy[64];
    struct stat info;
    int from = open(path, O_RDONLY), to = memfd_create("tls", 0);
    CHECK(from >= 0 && to >= 0 && fstat(from, &info) == 0);
    CHECK(sendfile(to, from, NULL, (size_t)info.st_size) == info.st_size);
    snprintf(copy, sizeof copy, "/proc/self/fd/%d", to);
    void *handle = dlopen(copy, RTLD_NOW | RTLD_LOCAL);
    CHECK(handle);
    close(from);
    close(to);
    return handle;
}

int main(void) {
    char path[4096];
    pthread_t threads[THREADS];
    void *handles[LIBRARIES];
    served_by_metes();
    snprintf(path, sizeof path, "%s/libbig_tls.so", getenv("METES_TEST_DIR"));
    pthread_barrier_init(&turn, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, body, NULL) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < LIBRARIES; i++) {
            handles[i] = open_copy(path);
            touch[i] = (int (*)(void))dlsym(handles[i], "touch_tls");
            drop[i] = (void (*)(void))dlsym(handles[i], "drop_tls");
            CHECK(touch[i] && drop[i]);
        }
        pthread_barrier_wait(&turn);
        pthread_barrier_wait(&turn);
        for (int i = 0; i < LIBRARIES; i++) CHECK(dlclose(handles[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
