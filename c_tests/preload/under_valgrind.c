// metes is preloaded under valgrind, which puts its own malloc in its place: nothing is mixed up, and nothing is
// reported.
// ways: valgrind
// cflags: -pthread
// timeout: 120
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#include "include/life.h"

static void *body(void *arg) {
    life((unsigned)(size_t)arg);
    return NULL;
}

int main(void) {
    pthread_t thread;
    int status;
    for (unsigned i = 0; i < 5; i++) life(i);
    CHECK(pthread_create(&thread, NULL, body, (void *)1) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        life(3);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    // Functions that valgrind does not replace go through those that it replaces.
    free(pvalloc(100));
    free(reallocarray(NULL, 10, 100));
    free(strdup("libc's own"));
    return 0;
}
