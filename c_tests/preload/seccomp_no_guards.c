// A sandbox, from before the start, does not let pages be made writable. Records come without guard pages, and all
// works. A thread's stack needs the call, so there is no thread.
#include "check.h"

#include <sys/mman.h>

#include "include/life.h"
#include "include/seccomp.h"

static void refuse_writable(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_WRITE, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

int main(int argc, char **argv) {
    enum { MANY = 2000000 };
    static void *blocks[MANY];
    if (argc == 1) {
        refuse_writable();
        execl("/proc/self/exe", argv[0], "again", (char *)NULL);
        CHECK(!"exec");
    }
    served_by_metes();
    CHECK(mprotect((void *)((uintptr_t)blocks & ~(uintptr_t)0xffff), 1, PROT_READ | PROT_WRITE) != 0 && errno == EPERM);
    for (unsigned i = 0; i < 20; i++) life(i);
    // Enough for several areas of records.
    errno = EDOM;
    for (int i = 0; i < MANY; i++) CHECK((blocks[i] = malloc(16)));
    CHECK(errno == EDOM);
    check_heap();
    for (int i = 0; i < MANY; i++) free(blocks[i]);
    check_heap();
    return 0;
}
