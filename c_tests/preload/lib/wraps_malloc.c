// A tracer's malloc and free. They find the next ones by dlsym, and keep a record in memory of the next malloc.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

unsigned long wrapped_calls;

static void *(*next_malloc)(size_t);
static void (*next_free)(void *);
static __thread void *record __attribute__((tls_model("initial-exec")));

static void find(void) {
    if (next_malloc) return;
    next_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
}

void *malloc(size_t size) {
    find();
    __atomic_fetch_add(&wrapped_calls, 1, __ATOMIC_RELAXED);
    next_free(record);
    record = next_malloc(64);
    return next_malloc(size);
}

void free(void *p) {
    find();
    next_free(p);
}
