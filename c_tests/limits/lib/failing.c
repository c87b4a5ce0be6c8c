// Fails every nth of the system calls by which metes gets memory. FAIL_EVERY is n, and FAIL_CALLS says which calls:
// m(map), u(nmap), r(emap), a(dvise). fail_every(n, calls) changes both, and failed() returns how many calls have
// failed.
//
// metes makes its system calls itself, so only the kernel can intercept them. A filter makes it send SIGSYS for
// calls that come from a syscall instruction in metes' code. The signal's handler fails the call or makes it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static atomic_ulong count, failures;
#ifndef EVERY
#define EVERY 0
#endif
static atomic_long every = EVERY;

unsigned long failed(void) { return failures; }
static const char *_Atomic chosen = "mura";

void fail_every(long n, const char *calls) {
    chosen = calls;
    every = n;
}

static int is_chosen(long number) {
    const char *calls = chosen;
    return (number == SYS_mmap && strchr(calls, 'm')) || (number == SYS_munmap && strchr(calls, 'u')) ||
           (number == SYS_mremap && strchr(calls, 'r')) || (number == SYS_madvise && strchr(calls, 'a'));
}

#if defined __x86_64__
static const unsigned char instruction[] = {0x0f, 0x05};
enum { STEP = 1 };

static long call(long number, const long *a) {
    register long r10 __asm__("r10") = a[3], r8 __asm__("r8") = a[4], r9 __asm__("r9") = a[5];
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static long answer(ucontext_t *context, long number, int fails) {
    greg_t *r = context->uc_mcontext.gregs;
    long arguments[] = {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]};
    return r[REG_RAX] = fails ? -ENOMEM : call(number, arguments);
}
#elif defined __aarch64__
static const unsigned char instruction[] = {0x01, 0x00, 0x00, 0xd4};
enum { STEP = 4 };

static long call(long number, const long *a) {
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a[0], x1 __asm__("x1") = a[1], x2 __asm__("x2") = a[2], x3 __asm__("x3") = a[3],
                  x4 __asm__("x4") = a[4], x5 __asm__("x5") = a[5];
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

static long answer(ucontext_t *context, long number, int fails) {
    long *r = (long *)context->uc_mcontext.regs;
    return r[0] = fails ? -ENOMEM : call(number, r);
}
#endif

static void on_call(int signal, siginfo_t *info, void *context) {
    (void)signal;
    long nth = every;
    int fails = nth > 0 && is_chosen(info->si_syscall) && ++count % (unsigned long)nth == 0;
    failures += (unsigned long)fails;
    answer(context, info->si_syscall, fails);
}

// The kernel gives the address behind the instruction as the origin of a call.
enum { PLACES_MOST = 1024 };
static uintptr_t places[PLACES_MOST];
static unsigned place_count;

static int find_places(struct dl_phdr_info *info, size_t size, void *inside) {
    (void)size;
    uintptr_t first = UINTPTR_MAX, last = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < info->dlpi_phnum; i++) {
            const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
            uintptr_t start = info->dlpi_addr + segment->p_vaddr, end = start + segment->p_filesz;
            if (segment->p_type != PT_LOAD) continue;
            if (pass == 0) {
                if (start < first) first = start;
                if (end > last) last = end;
                continue;
            }
            if ((uintptr_t)inside < first || (uintptr_t)inside >= last) return 0;
            if (!(segment->p_flags & PF_X)) continue;
            for (uintptr_t at = start; at + sizeof instruction <= end; at += STEP)
                if (!memcmp((const void *)at, instruction, sizeof instruction)) {
                    if (place_count == PLACES_MOST) _exit(97);
                    places[place_count++] = at + sizeof instruction;
                }
        }
    return 1;
}

__attribute__((constructor)) static void begin(void) {
    void *inside = dlsym(RTLD_DEFAULT, "metes_check");
    const char *text = getenv("FAIL_EVERY");
    if (text) every = atol(text);
    if (getenv("FAIL_CALLS")) chosen = getenv("FAIL_CALLS");
    if (!inside) return;
    dl_iterate_phdr(find_places, inside);
    static const int calls[] = {SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise};
    enum { CALLS = sizeof calls / sizeof calls[0] };
    static struct sock_filter code[3 * PLACES_MOST + 32];
    unsigned n = 0, ip = offsetof(struct seccomp_data, instruction_pointer);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < CALLS; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], (unsigned char)(CALLS - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    // Compares the lower halves of the addresses. The upper half is the same in all of metes' code.
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip);
    for (unsigned i = 0; i < place_count; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)places[i], (unsigned char)(place_count - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 4);
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)((uint64_t)(uintptr_t)inside >> 32), 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)n, code};
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
    sigaction(SIGSYS, &action, NULL);
    // Without PR_SET_NO_NEW_PRIVS where the process has the rights for that: metes must not take it for a program
    // with a sandbox of its own.
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0) return;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) _exit(99);
}
