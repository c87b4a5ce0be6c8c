// A sandbox that kills for every call that is not on its list, and a program in it that frees much.
#ifndef SANDBOXED_H
#define SANDBOXED_H

#include "check.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

// The calls that malloc is known for, and those that this program makes itself.
#define MEMORY_CALLS SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_futex
#define OWN_CALLS SYS_write, SYS_pread64, SYS_close, SYS_clock_nanosleep, SYS_exit, SYS_exit_group, SYS_rt_sigprocmask, SYS_getpid

// The flags of pthread_create, as Chromium's sandbox knows them.
enum {
    PTHREAD_FLAGS = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
                    CLONE_CHILD_CLEARTID
};

// Opening files fails with EACCES. All other calls that are not on the list kill the process.
__attribute__((unused)) static void allow_only(const int *calls, unsigned count, int threads) {
    static const int files[] = {SYS_openat, SYS_newfstatat, SYS_fstat, SYS_readlinkat};
    struct sock_filter code[128];
    unsigned n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < count; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)files[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES);
    }
    if (threads) {
        // Just these flags, in both halves of the word.
        unsigned flags = offsetof(struct seccomp_data, args);
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 5);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags);
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PTHREAD_FLAGS, 0, 3);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags + 4);
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {(unsigned short)n, code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

enum { SANDBOXED = 600000 };
static void *sandboxed[SANDBOXED];
static int statm;

__attribute__((unused)) static size_t resident_now(void) {
    char text[128] = {0};
    CHECK(pread(statm, text, sizeof text - 1, 0) > 0);
    return strtoul(strchr(text, ' '), NULL, 10) * 4096;
}

// 60 MB of small blocks, before the sandbox is closed.
__attribute__((unused)) static void fill_before(void) {
    served_by_metes();
    CHECK((statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) >= 0);
    for (int i = 0; i < SANDBOXED; i++) {
        CHECK(sandboxed[i] = malloc(100));
        memset(sandboxed[i], 1, 100);
    }
}

// Frees nearly all of them.
__attribute__((unused)) static void free_much(void) {
    for (int i = 0; i < SANDBOXED; i++)
        if (i % 500) free(sandboxed[i]);
}

__attribute__((unused)) static void wait_a_little(void) {
    struct timespec time = {0, 50000000};
    nanosleep(&time, NULL);
}

// Waits until half of the memory is given back. `calls` says whether the allocator is called meanwhile, which may
// give back then.
__attribute__((unused)) static int is_given_back(size_t from, int calls) {
    for (int i = 0; i < 400; i++) {
        if (resident_now() < from / 2) return 1;
        wait_a_little();
        static void *blocks[50];
        for (int k = 0; calls && k < 50; k++) CHECK(blocks[k] = malloc(30000));
        for (int k = 0; calls && k < 50; k++) free(blocks[k]);
    }
    return 0;
}

#endif
