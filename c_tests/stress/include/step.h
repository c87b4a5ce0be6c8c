// Steps through an operation one instruction at a time, by the trap flag, and tries at each what a signal handler
// does, or what another thread or process sees. Where the processor is no x86-64 the operation just runs.
#ifndef STEP_H
#define STEP_H

#include "check.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "mix.h"
#include "statistics.h"

// Called before each instruction of the operation, in the signal handler. It may stop the stepping.
static void (*volatile step_visit)(void);
// The number of that instruction, from 0. Afterwards, how many there were.
static volatile long step_count;
static volatile int stepping;

#if defined(__x86_64__)
#include <ucontext.h>

static void on_trap(int signal, siginfo_t *info, void *interrupted) {
    greg_t *flags = &((ucontext_t *)interrupted)->uc_mcontext.gregs[REG_EFL];
    int saved = errno;
    (void)signal, (void)info;
    if (stepping) {
        step_visit();
        step_count++;
    }
    if (!stepping) *flags &= ~(greg_t)0x100;
    errno = saved;
}

// Sets the trap flag, and leaves the red zone alone.
#define TRAP_FROM_NOW                                                                                                  \
    __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orl $0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::            \
                         : "memory", "cc")
#else
#define TRAP_FROM_NOW (void)0
#endif

#define STEP(operation)                                                                                                \
    do {                                                                                                               \
        step_count = 0;                                                                                                \
        stepping = 1;                                                                                                  \
        TRAP_FROM_NOW;                                                                                                 \
        operation;                                                                                                     \
        __asm__ volatile("" ::: "memory");                                                                             \
        stepping = 0;                                                                                                  \
    } while (0)

__attribute__((unused)) static void step_begin(void) {
    served_by_metes();
#if defined(__x86_64__)
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    CHECK(sigaction(SIGTRAP, &action, NULL) == 0);
#endif
}

__attribute__((unused)) static void go_on(void) {}

// Waits for a child, which has to end with status 0.
static void step_wait(pid_t pid) {
    int status;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    if (status != 0) fprintf(stderr, "instruction %ld: status 0x%x\n", step_count, (unsigned)status);
    CHECK(status == 0);
}

// How many instructions `one` steps through, or 0 where nothing steps. `one` runs in a child.
__attribute__((unused)) static long instructions_of(void (*one)(void)) {
    static long *length;
    if (!length) length = mmap(NULL, sizeof *length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(length != MAP_FAILED);
    pid_t pid = fork();
    if (pid == 0) {
        step_visit = go_on;
        one();
        *length = step_count;
        _exit(0);
    }
    step_wait(pid);
    return *length;
}

// ---- an action at every instruction

static void (*step_action)(void);
static long step_stride;
// Whether the action has begun.
static volatile int acted;

// Forks here, without atfork handlers. The child does the action and goes on without more steps.
__attribute__((unused)) static void branch_off(void) {
#if defined(__x86_64__)
    if (step_count % step_stride != 0) return;
    pid_t pid = (pid_t)syscall(SYS_fork);
    if (pid == 0) {
        alarm(60);
        acted = 1;
        stepping = 0;
        step_action();
        return;
    }
    step_wait(pid);
#endif
}

// `one` steps through an operation. The action comes before each instruction, or before one of `stride`, and all
// that `one` checks afterwards must hold each time.
__attribute__((unused)) static void act_at_each(void (*one)(void), void (*action)(void), long stride) {
    pid_t pid = fork();
    if (pid == 0) {
        step_stride = stride;
        step_action = action;
        step_visit = branch_off;
        one();
        check_heap();
#if defined(__x86_64__)
        CHECK(acted || step_count > 10);
#endif
        _exit(0);
    }
    step_wait(pid);
}

// ---- blocks whose calls are counted

static volatile unsigned long mallocs_made, frees_made;

// Checks that a block that malloc has just returned is of the right class, and stamps it.
__attribute__((unused)) static struct block adopt(void *at, size_t size) {
    struct block b = {(unsigned char *)at, size, (unsigned)++mallocs_made};
    CHECK(at && is_aligned(at, 16));
    size_t usable = malloc_usable_size(at);
    CHECK(usable >= size);
    // A mapping may stand in while the heap is being worked on.
    CHECK(usable <= size + size / 4 + 64 || is_aligned(at, 4096));
    stamp(b);
    return b;
}

__attribute__((unused)) static struct block get(size_t size) { return adopt(malloc(size), size); }

__attribute__((unused)) static void put(struct block b) {
    frees_made++;
    give(b);
}

static struct metes_stats at_start;

// From here to `check_counts`, where everything is freed again, no call and no byte may be lost.
__attribute__((unused)) static void start_counts(void) {
    malloc_trim(0);
    mallocs_made = frees_made = 0;
    at_start = statistics();
}

__attribute__((unused)) static void check_counts(void) {
    malloc_trim(0);
    struct metes_stats now = statistics();
    CHECK(now.malloc_calls - at_start.malloc_calls == mallocs_made);
    CHECK(now.free_calls - at_start.free_calls == frees_made);
    CHECK(now.heap_live == at_start.heap_live);
    CHECK(now.mappings == at_start.mappings);
}

#endif
