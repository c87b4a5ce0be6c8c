// A filter that answers some system calls itself, as containers and sandboxes do.
#ifndef SECCOMP_H
#define SECCOMP_H

#include "check.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

// Answers the calls in the list with SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_KILL_PROCESS, ...
__attribute__((unused)) static void refuse(const int *calls, unsigned count, unsigned answer) {
    struct sock_filter code[64];
    unsigned n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < count; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)n, code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

// Calls that an allocator may like to make and can do without.
static const int optional_calls[] = {SYS_getrandom, SYS_madvise, SYS_mremap, SYS_sched_getaffinity, SYS_membarrier,
#ifdef SYS_process_madvise
                                     SYS_process_madvise,
#endif
                                     SYS_get_mempolicy, SYS_mbind, SYS_getcpu, SYS_prctl};

#define REFUSE_OPTIONAL(answer) refuse(optional_calls, sizeof optional_calls / sizeof optional_calls[0], answer)

#endif
