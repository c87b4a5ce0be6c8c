// The library's constructor closes a sandbox around the program: from then on the kernel refuses with ANSWER the
// calls that an allocator likes to make and can do without. With MPROTECT it also refuses what ld.so and threads
// need: for programs that start neither other programs nor threads.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REFUSE(call)                                                                                                   \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ANSWER)

__attribute__((constructor)) static void close_sandbox(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        REFUSE(SYS_madvise),
        REFUSE(SYS_process_madvise),
        REFUSE(SYS_mremap),
        REFUSE(SYS_getrandom),
        REFUSE(SYS_sched_getaffinity),
        REFUSE(SYS_membarrier),
        REFUSE(SYS_get_mempolicy),
        REFUSE(SYS_mbind),
        REFUSE(SYS_getcpu),
        REFUSE(SYS_process_vm_readv),
#ifdef MPROTECT
        REFUSE(SYS_mprotect),
        REFUSE(SYS_clone),
        REFUSE(SYS_clone3),
#endif
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) _exit(99);
}
