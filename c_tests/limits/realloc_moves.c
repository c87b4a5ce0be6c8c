// A mapping grows by realloc under RLIMIT_AS, where there is no address space for the old and the new place at once.
// In a sandbox that refuses mremap, a mapping cannot move so: no address space is lost.
#include "check.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "include/under.h"

static void refuse_mremap(unsigned answer) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mremap, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void grows_to_the_limit(void) {
    for (int round = 0; round < 2; round++) {
        unsigned char *before = malloc(300 * MIB), *block = malloc(300 * MIB), *behind = malloc(MIB);
        CHECK(before && block && behind);
        fill(block, 0, 70000, 1);
        fill(block, 150 * MIB, 150 * MIB + 70000, 1);
        fill(block, 300 * MIB - 70000, 300 * MIB, 1);
        free(before);
        for (size_t size = 400; size <= 900; size += 100) {
            CHECK((block = realloc(block, size * MIB)));
            CHECK(holds(block, 0, 70000, 1) && holds(block, 150 * MIB, 150 * MIB + 70000, 1));
            CHECK(holds(block, 300 * MIB - 70000, 300 * MIB, 1));
        }
        errno = 0;
        CHECK(realloc(block, 1024 * MIB) == NULL && errno == ENOMEM && holds(block, 0, 70000, 1));
        CHECK((block = realloc(block, 301 * MIB)) && holds(block, 300 * MIB - 70000, 300 * MIB, 1));
        check_heap();
        free(block);
        free(behind);
    }
}

static void loses_nothing(unsigned answer) {
    refuse_mremap(answer);
    size_t before = taken(RLIMIT_AS);
    for (int i = 0; i < 50; i++) {
        unsigned char *block = malloc(100 * MIB);
        CHECK(block);
        fill(block, 0, 1000, 2);
        CHECK((block = realloc(block, 120 * MIB)) && holds(block, 0, 1000, 2));
        free(block);
    }
    CHECK(taken(RLIMIT_AS) < before + 300 * MIB);
    check_heap();
}

int main(int argc, char **argv) {
    served_by_metes();
    if (argc > 1) {
        grows_to_the_limit();
        return 0;
    }
    char *words[] = {argv[0], (char *)"little", NULL};
    pid_t pid = fork();
    if (pid == 0) start_under(RLIMIT_AS, GIB, words);
    ends_well(pid, "1 GiB of address space");
    for (int i = 0; i < 2; i++) {
        if ((pid = fork()) == 0) {
            loses_nothing(i ? EPERM : ENOSYS);
            _exit(0);
        }
        ends_well(pid, "without mremap");
    }
    return 0;
}
