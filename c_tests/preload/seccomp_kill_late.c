// A sandbox closed after the start kills for anything but reading, writing, mapping and unmapping. A program in it
// that needs no more memory than it had must not be killed.
#include "check.h"

#include "include/life.h"
#include "include/seccomp.h"

int main(void) {
    static const int killed[] = {SYS_getrandom, SYS_madvise, SYS_mprotect, SYS_mremap, SYS_sched_getaffinity, SYS_membarrier,
#ifdef SYS_process_madvise
                                 SYS_process_madvise,
#endif
                                 SYS_get_mempolicy, SYS_mbind, SYS_openat, SYS_open, SYS_prctl};
    static void *blocks[1000];
    served_by_metes();
    life(1);
    refuse(killed, sizeof killed / sizeof killed[0], SECCOMP_RET_KILL_PROCESS);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 1000; i++) CHECK((blocks[i] = malloc(1 + (i * 37 + round) % 2000)));
        for (unsigned i = 0; i < 1000; i++) free(blocks[i * 7 % 1000]);
    }
    check_heap();
    return 0;
}
