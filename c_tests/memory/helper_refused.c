// Where a sandbox allows neither a thread nor a barrier, the calls that find it due give memory back.
// ways: preload
// env: METES_OPTIONS=decay_ms=100
#include "check.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "include/resident.h"

int main(void) {
    uint64_t random = 88172645463325252u;
    served_by_metes();
    struct sock_filter refuse[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof refuse / sizeof *refuse, refuse};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    fill_memory(&random);
    size_t full = resident();
    free_most(&random, 20);
    CHECK(tasks() == 1);
    usleep(200000);
    free_most(&random, 0);
    usleep(200000);
    for (int i = 0; i < 3000; i++) free(malloc((size_t)i * 16));
    CHECK(resident() < full / 2);
    check_heap();
    return 0;
}
