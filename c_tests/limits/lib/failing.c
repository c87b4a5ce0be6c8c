// Fails every nth of the system calls that an allocator gets memory by, when it makes them through syscall(2). FAIL_EVERY says how many;
// FAIL_CALLS which: m(map), u(nmap), r(emap), a(dvise). fail_every(n, calls) changes it; failed() says how many there were.
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

static atomic_ulong count, failures;
#ifndef EVERY
#define EVERY 0
#endif
static atomic_long every = -1;

unsigned long failed(void) { return failures; }
static const char *_Atomic chosen = "mura";

void fail_every(long n, const char *calls) {
    chosen = calls;
    every = n;
}

static int is_chosen(long number) {
    const char *calls = chosen;
    return (number == SYS_mmap && strchr(calls, 'm')) || (number == SYS_munmap && strchr(calls, 'u')) ||
           (number == SYS_mremap && strchr(calls, 'r')) || ((number == SYS_madvise || number == SYS_process_madvise) && strchr(calls, 'a'));
}

static long call(long number, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    long nth = every;
    if (nth < 0) {
        const char *text = getenv("FAIL_EVERY");
        nth = every = text ? atol(text) : EVERY;
        if (getenv("FAIL_CALLS")) chosen = getenv("FAIL_CALLS");
    }
    if (nth > 0 && is_chosen(number) && ++count % (unsigned long)nth == 0) {
        failures++;
        errno = ENOMEM;
        return -1;
    }
    long result = call(number, a, b, c, d, e, f);
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}
