// For programs that run on another malloc, open metes with dlopen, and call it by pointer.
#ifndef METES_BY_HAND_H
#define METES_BY_HAND_H

#include "check.h"

struct metes {
    void *handle;
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    const char *(*check)(void);
};

__attribute__((unused)) static struct metes open_metes(void) {
    struct metes m;
    const char *path = getenv("METES_LIB");
    CHECK(path);
    m.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!m.handle) fprintf(stderr, "%s\n", dlerror());
    CHECK(m.handle);
    m.malloc = (void *(*)(size_t))dlsym(m.handle, "malloc");
    m.calloc = (void *(*)(size_t, size_t))dlsym(m.handle, "calloc");
    m.realloc = (void *(*)(void *, size_t))dlsym(m.handle, "realloc");
    m.free = (void (*)(void *))dlsym(m.handle, "free");
    m.check = (const char *(*)(void))dlsym(m.handle, "metes_check");
    CHECK(m.malloc && m.calloc && m.realloc && m.free && m.check);
    CHECK((void *)m.malloc != (void *)malloc);
    return m;
}

__attribute__((unused)) static void use(const struct metes *m, size_t size) {
    unsigned char *p = (unsigned char *)m->malloc(size), *z = (unsigned char *)m->calloc(3, size);
    CHECK(p && z && all_bytes_are(z, 3 * size, 0));
    fill(p, 0, size, 3);
    p = (unsigned char *)m->realloc(p, size * 2);
    CHECK(p && holds(p, 0, size, 3));
    m->free(p);
    m->free(z);
    // The program's own malloc works beside it.
    free(malloc(size));
}

#endif
