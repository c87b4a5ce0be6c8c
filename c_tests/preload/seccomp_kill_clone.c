// A sandbox like that of sshd's child before authentication: no threads, no files, and no call that it does not
// list.
// env: METES_OPTIONS=decay_ms=200
#include "check.h"

#include "include/sandboxed.h"

int main(void) {
    static const int allowed[] = {SYS_brk, SYS_clock_gettime, SYS_close, SYS_exit, SYS_exit_group, SYS_futex, SYS_geteuid, SYS_getpgid,
                                  SYS_getpid, SYS_getrandom, SYS_gettimeofday, SYS_getuid, SYS_madvise, SYS_mmap, SYS_mprotect, SYS_mremap,
                                  SYS_munmap, SYS_nanosleep, SYS_clock_nanosleep, SYS_ppoll, SYS_pselect6, SYS_read, SYS_rt_sigprocmask,
                                  SYS_shutdown, SYS_write, SYS_pread64};
    fill_before();
    size_t full = resident_now();
    allow_only(allowed, sizeof allowed / sizeof allowed[0], 0);
    free_much();
    for (int i = 0; i < 12; i++) wait_a_little();
    CHECK(is_given_back(full, 1));
    return 0;
}
