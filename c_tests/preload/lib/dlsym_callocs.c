// Interposes dlsym with one that allocates, as in old libcs and in some tracers.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

static void *(*real)(void *, const char *);
static int inside;

void *dlsym(void *handle, const char *name) {
    if (!inside) {
        inside = 1;
        void *p = calloc(1, 100 + (size_t)name[0]);
        if (p) *(char *)p = 1;
        free(p);
        inside = 0;
    }
    if (!real) {
        real = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
        if (!real) real = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
        if (!real) real = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.17");
    }
    return real(handle, name);
}
