// Work that has to succeed although the system calls that an allocator likes are refused.
#ifndef REFUSED_H
#define REFUSED_H

#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#include "life.h"

__attribute__((unused)) static void *refused_thread(void *arg) {
    for (unsigned i = 0; i < 10; i++) life(i);
    return arg;
}

__attribute__((unused)) static void live_refused(int with_threads) {
    enum { BLOCKS = 4000 };
    static void *blocks[BLOCKS];
    pthread_t thread;
    int status;
    for (unsigned i = 0; i < 20; i++) life(i);
    // Enough memory for a purge, and mappings that grow.
    for (int i = 0; i < BLOCKS; i++) {
        CHECK((blocks[i] = malloc(20000)));
        memset(blocks[i], 1, 20000);
    }
    for (int i = 0; i < BLOCKS; i++) free(blocks[i]);
    malloc_trim(0);
    unsigned char *p = malloc(2 * MIB);
    CHECK(p);
    fill(p, 0, 2 * MIB, 1);
    CHECK((p = realloc(p, 40 * MIB)) && holds(p, 0, 2 * MIB, 1));
    CHECK((p = realloc(p, MIB)) && holds(p, 0, MIB, 1));
    free(p);
    if (with_threads) {
        CHECK(pthread_create(&thread, NULL, refused_thread, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        life(5);
        check_heap();
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    check_heap();
}

#endif
