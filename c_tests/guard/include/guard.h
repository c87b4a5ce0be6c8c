// For programs whose small blocks are all guarded, or that switch guarding on.

#ifndef GUARD_H
#define GUARD_H

#include "check.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>

extern int metes_option_set(const char *name, const char *value) __attribute__((weak));

// The weak reference is for metes inside the program itself, as in check.h.
__attribute__((unused)) static int set_option(const char *name, const char *value) {
    typedef int (*function)(const char *, const char *);
    function found = (function)(uintptr_t)dlsym(RTLD_DEFAULT, "metes_option_set");
    if (!found) found = metes_option_set;
    CHECK(found);
    return found(name, value);
}

__attribute__((unused)) static void check_whole(void) {
    const char *broken = find_metes_check()();
    if (broken) fprintf(stderr, "%s\n", broken);
    CHECK(!broken);
}

// Hides a pointer from the compiler.
__attribute__((noinline, unused)) static char *unseen(char *p) {
    __asm__ volatile("" : "+r"(p));
    return p;
}

// A guarded block's usable size is what was asked for.
__attribute__((unused)) static int is_guarded(void *p, size_t asked) {
    return asked % 16 && malloc_usable_size(p) == asked;
}

__attribute__((unused)) static char *guarded(size_t n) {
    char *p = malloc(n);
    CHECK(p && malloc_usable_size(p) == n);
    return p;
}

// With guard=1 a block ends a page, up to less than a grain. At other rates half of the blocks start one.
__attribute__((unused)) static char *guarded_right(size_t n) {
    char *p = guarded(n);
    CHECK((uintptr_t)p % 4096 == 4096 - (n + 15) / 16 * 16);
    return p;
}

__attribute__((unused)) static char *guarded_left(size_t n) {
    for (int i = 0; i < 1000; i++) {
        char *p = malloc(n);
        if (is_guarded(p, n) && !((uintptr_t)p % 4096)) return p;
        free(p);
    }
    CHECK(!"one of these is at the start");
    return NULL;
}

#endif
