// A request that cannot be served is refused before anything is given up for it, whether it is beyond all address
// space, in whatever way it is made, or beyond RLIMIT_AS or RLIMIT_DATA. A tracer counts the system calls.
// env: METES_OPTIONS=decay_ms=1000000
// timeout: 300
#include "check.h"
#include "statistics.h"

#include <signal.h>
#include <sys/ptrace.h>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { KEPT = 32, CALLS_BEFORE_ALL = 100 };

static size_t requests;

static void refused(void *block) {
    requests++;
    CHECK(!block && errno == ENOMEM);
    errno = 0;
}

static void in_no_heap(size_t size, void *small, void *large) {
    void *out = small;
    refused(malloc(opaque(size)));
    refused(realloc(opaque(small), opaque(size)));
    refused(realloc(opaque(large), opaque(size)));
    for (size_t count = 1; count <= 8 && size % count == 0; count *= 2) {
        refused(calloc(opaque(count), size / count));
        refused(reallocarray(opaque(small), opaque(count), size / count));
    }
    refused(memalign(4096, opaque(size)));
    refused(aligned_alloc(64, opaque(size)));
    refused(valloc(opaque(size)));
    refused(pvalloc(opaque(size)));
    requests++;
    CHECK(posix_memalign(&out, 1 << 21, opaque(size)) == ENOMEM && out == small);
    errno = 0;
}

// Frees about as much as a library may hold on to: whole regions of it could go back, but they should stay.
static void keep_something(void *blocks[KEPT]) {
    for (int i = 0; i < KEPT; i++) CHECK((blocks[i] = malloc(MIB)));
    for (int i = 0; i < KEPT; i++) memset(blocks[i], 1, MIB);
    for (int i = 0; i < KEPT; i += i % 8 == 6 ? 2 : 1) free(blocks[i]);
}

static void beyond_address_space(void *small, void *large) {
    for (size_t i = 0; i < 200; i++) in_no_heap(SIZE_MAX - i, small, large);
    for (size_t i = 0; i < 200; i++) in_no_heap(PTRDIFF_MAX - i, small, large);
    for (size_t i = 0; i < 200; i++) in_no_heap((size_t)PTRDIFF_MAX + i, small, large);
    for (size_t i = 1; i < 1 << 14; i += 17) in_no_heap(i << 50 | (((size_t)1 << 50) - 1), small, large);
}

// Each request costs a few system calls, which are refused and change nothing.
static void beyond_limits(void *small, void *large) {
    for (size_t i = 1; i <= 100; i++) in_no_heap(i << 35, small, large);
    for (size_t i = 1; i <= 100; i++) in_no_heap((i + 3) << 30, small, large);
}

// Tells the tracer the place, by a system call that no other code makes.
static void say(long number) { (void)!getpgid((pid_t)(-1000 - number)); }

static int traced(int resource) {
    void *blocks[KEPT], *small, *large;
    CHECK(mallopt(M_MMAP_THRESHOLD, 64 << 20));
    CHECK((small = malloc(16)) && (large = malloc(100 << 20)));
    keep_something(blocks);
    struct rlimit limit;
    CHECK(getrlimit(resource, &limit) == 0);
    limit.rlim_cur = GIB;
    CHECK(setrlimit(resource, &limit) == 0);
    size_t held = statistics().heap_held;
    CHECK(held > 24 * MIB);
    errno = 0;
    say(0);
    beyond_address_space(small, large);
    say(1);
    CHECK(requests > 15000);
    size_t before = requests;
    say(2);
    beyond_limits(small, large);
    say(3);
    say(4 + (long)(requests - before));
    if (statistics().heap_held != held)
        fprintf(stderr, "%zu bytes in heaps before, %zu after\n", held, statistics().heap_held);
    CHECK(statistics().heap_held == held);
    check_heap();
    // A request that can be served still is, at the price of what is kept.
    void *most = NULL;
    for (size_t size = GIB; !most && size; size -= 4 * MIB) most = malloc(size);
    CHECK(most && malloc_usable_size(most) > 600 * MIB);
    return 0;
}

// Counts the calls between the places that the traced process names.
static void count_calls(pid_t pid) {
    long place = -1, calls[4] = {0}, made = 0;
    int status, inside = 0;
    CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
    CHECK(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(uintptr_t)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) == 0);
    for (int signal = 0;; signal = 0) {
        CHECK(ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(uintptr_t)signal) == 0);
        CHECK(waitpid(pid, &status, 0) == pid);
        if (!WIFSTOPPED(status)) break;
        if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
            signal = WSTOPSIG(status);
            continue;
        }
        if ((inside = !inside) == 0) continue;
        struct __ptrace_syscall_info info;
        CHECK(ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) > 0);
        long named = (long)-(int)info.entry.args[0] - 1000;
        if (info.entry.nr == SYS_getpgid && named >= 0) {
            place = named < 4 ? named : 3;
            if (named >= 4) made = named - 4;
        } else if (place >= 0 && ++calls[place] > 20000) {
            break;
        }
    }
    printf("%ld calls of the kernel beyond address space, %ld for %ld requests beyond limits\n", calls[0], calls[2], made);
    CHECK(calls[0] <= CALLS_BEFORE_ALL);
    CHECK(made && calls[2] <= made * 10);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
    served_by_metes();
    static const int resources[] = {RLIMIT_AS, RLIMIT_DATA};
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
            raise(SIGSTOP);
            _exit(traced(resources[i]));
        }
        count_calls(pid);
    }
    return 0;
}
