// In a control group with a quota of less than one CPU, threads share one arena, on however many CPUs they run.
// Without a quota there are more arenas.
// cflags: -pthread
// needs: cpu-quota
#include "check.h"
#include "statistics.h"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void write_to(const char *folder, const char *name, const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && close(file) == 0);
}

// A new group with a quota, in the hierarchy of the first version or of the second.
static int make_group(char *folder, size_t size) {
    snprintf(folder, size, "/sys/fs/cgroup/cpu/metes-test-%d", getpid());
    if (mkdir(folder, 0755) == 0) {
        write_to(folder, "cpu.cfs_period_us", "100000");
        write_to(folder, "cpu.cfs_quota_us", "90000");
        return 1;
    }
    snprintf(folder, size, "/sys/fs/cgroup/metes-test-%d", getpid());
    if (mkdir(folder, 0755) != 0) return 0;
    write_to(folder, "cpu.max", "90000 100000");
    return 1;
}

static void *body(void *arg) {
    static pthread_barrier_t *barrier;
    barrier = arg;
    free(malloc(100));
    pthread_barrier_wait(barrier);
    return NULL;
}

static void threads(size_t least, size_t most) {
    pthread_barrier_t barrier;
    pthread_t threads[4];
    CHECK(pthread_barrier_init(&barrier, NULL, 4) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, body, &barrier) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    size_t arenas = statistics().arenas;
    if (arenas < least || arenas > most) fprintf(stderr, "%zu arenas\n", arenas);
    CHECK(arenas >= least && arenas <= most);
}

int main(int argc, char **argv) {
    char folder[200];
    int status;
    served_by_metes();
    if (argc > 1) {
        threads(1, 1);
        return 0;
    }
    CHECK(make_group(folder, sizeof folder));
    pid_t pid = fork();
    if (pid == 0) {
        write_to(folder, "cgroup.procs", "0");
        execl("/proc/self/exe", argv[0], "inside", (char *)NULL);
        _exit(9);
    }
    pid_t ended = waitpid(pid, &status, 0);
    CHECK(rmdir(folder) == 0);
    CHECK(pid > 0 && ended == pid && status == 0);
    threads(2, 100);
    return 0;
}
