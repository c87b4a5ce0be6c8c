// The first allocation may be pthread_atfork's own, made while it holds its lock. metes must not register its
// handlers from inside it.
// cflags: -pthread
// timeout: 20
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void nothing(void) {
}

int main(void) {
    for (int i = 0; i < 60; i++) CHECK(pthread_atfork(nothing, nothing, nothing) == 0);
    served_by_metes();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        free(malloc(100));
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    check_heap();
    return 0;
}
