// exit, quick_exit and _exit while other threads are in the middle of malloc.
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#include "include/life.h"

static void *body(void *arg) {
    for (unsigned i = (unsigned)(size_t)arg;; i++) life(i);
    return NULL;
}

static void at_exit(void) { life(9); }

int main(void) {
    served_by_metes();
    for (int i = 0; i < 60; i++) {
        int status;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            pthread_t thread;
            alarm(20);
            CHECK(atexit(at_exit) == 0 && at_quick_exit(at_exit) == 0);
            for (size_t k = 0; k < 4; k++) CHECK(pthread_create(&thread, NULL, body, (void *)k) == 0);
            usleep(500);
            if (i % 3 == 0) exit(0);
            if (i % 3 == 1) quick_exit(0);
            _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    check_heap();
    return 0;
}
