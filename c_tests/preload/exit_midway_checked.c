// exit runs while other threads allocate and free mappings and blocks of medium size. None of these is taken for one
// that was written to, and none that is gone is read.
// cflags: -pthread
// env: METES_OPTIONS=debug=1,quarantine=0
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

static void *body(void *arg) {
    size_t size = (size_t)arg;
    char *ring[16] = {0};
    for (unsigned i = 0;; i++) {
        free(ring[i % 16]);
        CHECK((ring[i % 16] = malloc(size + i % 7 * 4096)));
        ring[i % 16][0] = 1;
    }
    return NULL;
}

static void round_of(size_t size, int threads) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        pthread_t thread;
        for (int i = 0; i < threads; i++) CHECK(pthread_create(&thread, NULL, body, (void *)size) == 0);
        usleep(200000);
        exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
    served_by_metes();
    for (int i = 0; i < 5; i++) {
        round_of(3 * MIB, 8);
        round_of(100000, 24);
    }
    return 0;
}
