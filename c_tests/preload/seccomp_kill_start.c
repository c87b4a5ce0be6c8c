// A strict sandbox kills for calls that a plain program does not make. metes must make none of them, at the start or
// later. getrandom is allowed where glibc's malloc makes that call first of all, since 2.34. Where it does not,
// metes must not either.
#include "check.h"

#include <gnu/libc-version.h>

#include "include/life.h"
#include "include/seccomp.h"

int main(int argc, char **argv) {
    static const int killed[] = {SYS_sched_getaffinity, SYS_membarrier, SYS_get_mempolicy, SYS_mbind, SYS_socket, SYS_ptrace,
                                 SYS_timer_create, SYS_memfd_create, SYS_mlock, SYS_clone3, SYS_getrandom};
    if (argc == 1) {
        unsigned count = sizeof killed / sizeof killed[0], major = 0, minor = 0;
        CHECK(sscanf(gnu_get_libc_version(), "%u.%u", &major, &minor) == 2);
        if (major > 2 || minor >= 34) count--;
        refuse(killed, count, SECCOMP_RET_KILL_PROCESS);
        execl("/proc/self/exe", argv[0], "again", (char *)NULL);
        CHECK(!"exec");
    }
    served_by_metes();
    for (unsigned i = 0; i < 20; i++) life(i);
    malloc_trim(0);
    check_heap();
    return 0;
}
