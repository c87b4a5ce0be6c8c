// A child of vfork allocates in its parent's memory and ends. The heap must not take that for a fork.
#include "check.h"

#include <sys/wait.h>

#include "include/life.h"

int main(void) {
    static void *volatile passed;
    served_by_metes();
    for (unsigned i = 0; i < 50; i++) {
        int status;
        void *mine = malloc(1000);
        pid_t pid = vfork();
        if (pid == 0) {
            passed = malloc(3000 + i);
            free(mine);
            _exit(0);
        }
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
        memset(passed, 1, 3000 + i);
        free(passed);
        life(i);
    }
    check_heap();
    return 0;
}
