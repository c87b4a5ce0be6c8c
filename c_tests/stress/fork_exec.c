// The program forks and executes itself while threads allocate. The new program starts from nothing and exits well.
// cflags: -pthread
// args: 100
// soak-args: 10000
// timeout: 120
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#include "include/mix.h"

static _Atomic int stop;

static void *work(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    while (!stop) give(take(&random));
    return NULL;
}

int main(int argc, char **argv) {
    uint64_t random = 88172645463325252u;
    pthread_t threads[4];
    if (argc > 1 && strcmp(argv[1], "again") == 0) {
        alarm(30);
        for (int i = 0; i < 200; i++) give(take(&random));
        check_heap();
        return 0;
    }
    long count = argument(argc, argv, 1, 100);
    for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    for (long i = 0; i < count; i++) {
        int status;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            give(take(&random));
            execl("/proc/self/exe", argv[0], "again", (char *)NULL);
            _exit(127);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(status == 0);
    }
    stop = 1;
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
