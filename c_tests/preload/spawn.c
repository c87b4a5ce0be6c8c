// Everything that starts a program: vfork and exec, posix_spawn, system, popen, from a process with allocating threads.
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>

#include "include/life.h"

extern char **environ;
static _Atomic int stop;

static void *body(void *arg) {
    for (unsigned i = 0; !stop; i++) life(i);
    return arg;
}

int main(int argc, char **argv) {
    static char self[] = "/proc/self/exe", again[] = "again";
    char *arguments[] = {argv[0], again, NULL};
    pthread_t threads[3];
    int status;
    served_by_metes();
    if (argc > 1) {
        life(1);
        return 0;
    }
    for (int i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, body, NULL) == 0);
    for (int i = 0; i < 10; i++) {
        pid_t pid = vfork();
        if (pid == 0) {
            execv(self, arguments);
            _exit(127);
        }
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
        CHECK(posix_spawn(&pid, self, NULL, NULL, arguments, environ) == 0);
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        // The shell and its commands are preloaded too.
        CHECK(system("echo a b c | sort > /dev/null") == 0);
        char line[64] = "";
        FILE *out = popen("echo from the pipe", "r");
        CHECK(out && fgets(line, sizeof line, out) && strcmp(line, "from the pipe\n") == 0);
        CHECK(pclose(out) == 0);
    }
    stop = 1;
    for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
