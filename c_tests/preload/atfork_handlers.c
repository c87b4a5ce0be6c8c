// Fork handlers of other libraries allocate in prepare, in the parent and in the child, while threads keep the heap
// busy. Some run inside of metes' handlers and some outside.
// shared: atfork.c
// preload-also: atfork first
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#include "include/life.h"

static _Atomic int stop;
static void *carried;

static void prepare(void) {
    carried = malloc(2000);
    life(1);
}

static void after(void) {
    life(2);
    free(carried);
    carried = NULL;
}

static void *body(void *arg) {
    for (unsigned i = (unsigned)(size_t)arg; !stop; i++) life(i);
    return NULL;
}

int main(void) {
    pthread_t threads[4];
    int status;
    served_by_metes();
    CHECK(pthread_atfork(prepare, after, after) == 0);
    for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    for (int i = 0; i < 50; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            alarm(20);
            life(3);
            check_heap();
            _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    stop = 1;
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
