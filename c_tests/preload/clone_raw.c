// A process is made by the bare system call, as container tools and runtimes do. No fork handler runs, but the child
// of the only thread can allocate.
#include "check.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "include/life.h"

int main(void) {
    served_by_metes();
    life(1);
    void *before = malloc(3000);
    for (unsigned i = 0; i < 20; i++) {
        int status;
        long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
        CHECK(pid >= 0);
        if (pid == 0) {
            life(i);
            free(before);
            check_heap();
            _exit(0);
        }
        CHECK(waitpid((pid_t)pid, &status, 0) == pid && status == 0);
        life(i);
    }
    free(before);
    check_heap();
    return 0;
}
