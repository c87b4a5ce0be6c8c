// After a while the helper puts dense memory together to huge pages, and leaves sparse memory alone. Where the
// kernel refuses that, nothing is lost.
// ways: so preload
// With mix=off blocks of other sizes leave sparse slabs alone too.
// env: METES_OPTIONS=decay_ms=100,dirty_max=1m,cutoff=64m,mix=off
#include "check.h"

#include "include/pages.h"
#include "include/resident.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

// So few blocks that they are sparse before anything is put together.
enum { PAIRS = 6000 };

static void *sparse[PAIRS];

// How many of a hundred blocks, far from one another, stand where huge pages were asked for.
static size_t huge(void **all, size_t count) {
    size_t found = 0;
    for (size_t i = 0; i < 100; i++) found += (size_t)has_flag(all[i * (count / 100)], "hg");
    return found;
}

// Refuses all advice about pages but MADV_DONTNEED, as a kernel or a sandbox may.
static void refuse_advice(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_DONTNEED, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void collapse(int refused) {
    uint64_t random = 88172645463325252u;
    if (refused) refuse_advice();
    for (int i = 0; i < PAIRS; i++) CHECK((sparse[i] = malloc(500)));
    for (int i = 0; i < PAIRS; i++)
        if (i % 4) free(sparse[i]);
    for (int i = 0; i < PAIRS; i++)
        if (i % 4) sparse[i] = sparse[i / 4 * 4];
    fill_memory(&random);
    size_t before = resident();
    for (int i = 0; i < (refused ? 10 : 1000) && huge(blocks, BLOCKS / 2) < 80; i++) {
        void *block = malloc(8 * MIB);
        CHECK(block);
        memset(block, 1, 8 * MIB);
        free(block);
        usleep(100000);
    }
    CHECK(refused ? huge(blocks, BLOCKS / 2) == 0 : huge(blocks, BLOCKS / 2) >= 80);
    CHECK(huge(sparse, PAIRS) < 20);
    CHECK(resident() < before + 12 * MIB);
    check_heap();
    free_most(&random, 0);
    CHECK(shrinks_to(before - 35 * MIB));
    check_heap();
}

int main(void) {
    served_by_metes();
    for (int refused = 0; refused < 2; refused++) {
        int status;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            collapse(refused);
            _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    return 0;
}
