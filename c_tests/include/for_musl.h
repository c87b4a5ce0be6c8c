// What musl's headers do not declare of the functions that metes exports, as glibc declares it. `scripts/test-musl`
// includes this file before all others. They are weak: a program that metes is preloaded into is linked without it.

#ifndef METES_FOR_MUSL_H
#define METES_FOR_MUSL_H

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

struct mallinfo {
    int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};
struct mallinfo2 {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};
enum {
    M_MXFAST = 1,
    M_NLBLKS = 2,
    M_GRAIN = 3,
    M_KEEP = 4,
    M_TRIM_THRESHOLD = -1,
    M_TOP_PAD = -2,
    M_MMAP_THRESHOLD = -3,
    M_MMAP_MAX = -4,
    M_CHECK_ACTION = -5,
    M_PERTURB = -6,
    M_ARENA_TEST = -7,
    M_ARENA_MAX = -8,
};
// How glibc declares the first argument of setitimer.
#define __itimer_which_t int

struct mallinfo mallinfo(void) __attribute__((weak));
struct mallinfo2 mallinfo2(void) __attribute__((weak));
int mallopt(int parameter, int value) __attribute__((weak));
int malloc_trim(size_t pad) __attribute__((weak));
int malloc_info(int options, FILE *stream) __attribute__((weak));
void malloc_stats(void) __attribute__((weak));
void *pvalloc(size_t size) __attribute__((weak));

#endif
