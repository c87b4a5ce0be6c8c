// Linked without any shared library, with the whole of libmetes.a inside: threads, fork, aligned and huge blocks,
// and the libc's own calls.
// ways: static
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#include "include/life.h"

static _Atomic int stop;

static void *body(void *arg) {
    for (unsigned i = (unsigned)(size_t)arg; i < 300 || !stop; i++) life(i);
    return NULL;
}

int main(void) {
    pthread_t threads[4];
    int status;
    CHECK(metes_check);
    life(1);
    for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            alarm(20);
            life(2);
            check_heap();
            _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    stop = 1;
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    char *line = NULL;
    CHECK(asprintf(&line, "%s", "libc's own") == 10);
    // metes knows it. Otherwise this would report a foreign pointer.
    CHECK(malloc_usable_size(line) >= 11);
    free(line);
    check_heap();
    return 0;
}
