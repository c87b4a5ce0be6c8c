// Does everything that makes metes call the kernel, while a library (lib/interposes.c) stands before the libc's
// functions for that.
#ifndef INTERPOSED_H
#define INTERPOSED_H

#include "check.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "life.h"

static void *thread(void *argument) {
    for (unsigned i = 0; i < 5; i++) life(i);
    return argument;
}

// Frees nearly all of 64 MB, and waits without a call of the allocator until the helper has given it back.
static void free_much(void) {
    enum { BLOCKS = 400000 };
    static void *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        CHECK(blocks[i] = malloc(160));
        memset(blocks[i], 1, 160);
    }
    size_t full = resident_bytes();
    for (int i = 0; i < BLOCKS; i++)
        if (i % 1000) free(blocks[i]);
    for (int i = 0; i < 300 && resident_bytes() > full / 2; i++) usleep(100000);
    CHECK(resident_bytes() <= full / 2);
}

static int live_interposed(void) {
    int (*interposed)(void) = (int (*)(void))(uintptr_t)dlsym(RTLD_DEFAULT, "interposed");
    struct timespec now;
    served_by_metes();
    CHECK(interposed && interposed() >= 0);
    CHECK(getpid() > 0 && clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    CHECK(interposed() >= 2);
    for (unsigned i = 0; i < 10; i++) life(i);
    for (int i = 0; i < 4; i++) {
        pthread_t threads[4];
        for (int k = 0; k < 4; k++) CHECK(pthread_create(&threads[k], NULL, thread, NULL) == 0);
        for (int k = 0; k < 4; k++) CHECK(pthread_join(threads[k], NULL) == 0);
    }
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child) {
        life(1);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    free_much();
    malloc_trim(0);
    // These are reported, and survived.
    void *block = malloc(100);
    free(block);
    free(opaque(block));
    free((char *)opaque(malloc(100)) + 16);
    check_heap();
    return 0;
}

#endif
