// After the start the options are read-only: one piece of the library's zeroed data is not writable, and a write to
// it ends in SIGSEGV. What mallopt changes may be changed all the same.
// env: METES_OPTIONS=limit=1g,fit=first
#include "check.h"

#include <signal.h>
#include <sys/wait.h>

#include "include/life.h"
#include "include/maps.h"

int main(void) {
    struct map maps[MAPS_MOST];
    int status, sealed = -1;
    served_by_metes();
    free(opaque(malloc(1)));
    int count = maps_of_metes(maps);
    for (int i = 0; i < count; i++) {
        if (!maps[i].is_named && !maps[i].may_write) {
            CHECK(sealed < 0 && maps[i].may_read && !maps[i].may_execute);
            sealed = i;
        }
    }
    CHECK(sealed >= 0);
    // On both sides of it is more of the library's data, which is writable.
    CHECK(maps[sealed - 1].may_write && maps[sealed + 1].may_write);
    CHECK(maps[sealed].end - maps[sealed].start <= 2 * (size_t)sysconf(_SC_PAGESIZE));

    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        *(volatile char *)opaque(maps[sealed].start) = 1;
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);

    CHECK(mallopt(M_MMAP_THRESHOLD, 100000) == 1 && mallopt(M_TRIM_THRESHOLD, 1 << 20) == 1);
    CHECK(mallopt(M_ARENA_MAX, 2) == 1 && mallopt(M_PERTURB, 7) == 1);
    for (unsigned i = 0; i < 20; i++) life(i);
    check_heap();
    return 0;
}
