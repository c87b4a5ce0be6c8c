// metes is opened by dlopen long after the start, in a program that has another malloc. Threads use it, and so does
// a forked child.
// ways: plain
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#include "include/metes_by_hand.h"

static struct metes metes;

static void *body(void *arg) {
    for (size_t size = 1; size < 3000000; size = size * 3 + (size_t)arg) use(&metes, size);
    return NULL;
}

int main(void) {
    pthread_t threads[4];
    int status;
    metes = open_metes();
    body((void *)1);
    for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        body((void *)2);
        _exit(metes.check() != NULL);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(metes.check() == NULL);
    return 0;
}
