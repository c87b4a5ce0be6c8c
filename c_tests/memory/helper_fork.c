// A forked child starts a helper of its own, and so does its child. The parent's helper goes on.
// ways: preload so
#include "check.h"

#include <sys/wait.h>

#include "include/resident.h"

static int shrinks(uint64_t *random) {
    fill_memory(random);
    free_most(random, 0);
    return tasks() == 2 && shrinks_to(8 * MIB + sizeof blocks + sizeof wanted);
}

int main(void) {
    uint64_t random = 88172645463325252u;
    served_by_metes();
    CHECK(shrinks(&random));
    for (int generation = 0; generation < 3; generation++) {
        fill_memory(&random);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child != 0) {
            int status;
            free_most(&random, 0);
            CHECK(shrinks_to(8 * MIB + sizeof blocks + sizeof wanted));
            CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
            check_heap();
            return 0;
        }
        CHECK(tasks() == 1);
        free_most(&random, 0);
        CHECK(tasks() == 2);
    }
    CHECK(shrinks(&random));
    check_heap();
    return 0;
}
