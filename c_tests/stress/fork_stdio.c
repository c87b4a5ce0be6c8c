// Threads fork while others read lines, which grow a buffer under the stream's lock. One thread flushes all streams:
// it waits for that lock and holds the list of streams meanwhile. fork takes the list after all handlers of
// pthread_atfork.
// cflags: -pthread
// args: 40
// soak-args: 2000
// timeout: 120
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#include "include/mix.h"

enum { FORKERS = 4, READERS = 8 };

static _Atomic int stop;
static long rounds;

static void *read_lines(void *arg) {
    (void)arg;
    while (!stop) {
        FILE *stream = fopen("/proc/self/exe", "r");
        CHECK(stream);
        char *line = NULL;
        size_t size = 0;
        for (int i = 0; i < 100 && getline(&line, &size, stream) > 0; i++) {
            free(line);
            line = NULL;
            size = 0;
        }
        free(line);
        fclose(stream);
    }
    return NULL;
}

static void *flush_all(void *arg) {
    while (!stop) fflush(NULL);
    return arg;
}

static void *fork_often(void *arg) {
    uint64_t random = 0x2545f4914f6cdd1du * ((size_t)arg + 1);
    for (long i = 0; i < rounds; i++) {
        int status;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            alarm(60);
            for (int k = 0; k < 20; k++) give(take(&random));
            _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t readers[READERS], flusher, forkers[FORKERS];
    served_by_metes();
    rounds = argument(argc, argv, 1, 40);
    for (int i = 0; i < READERS; i++) CHECK(pthread_create(&readers[i], NULL, read_lines, NULL) == 0);
    CHECK(pthread_create(&flusher, NULL, flush_all, NULL) == 0);
    for (size_t i = 0; i < FORKERS; i++) CHECK(pthread_create(&forkers[i], NULL, fork_often, (void *)i) == 0);
    for (int i = 0; i < FORKERS; i++) CHECK(pthread_join(forkers[i], NULL) == 0);
    stop = 1;
    for (int i = 0; i < READERS; i++) CHECK(pthread_join(readers[i], NULL) == 0);
    CHECK(pthread_join(flusher, NULL) == 0);
    check_heap();
    return 0;
}
