// Interposes mmap, munmap and others with functions that allocate before they do their work, as in memory tracers.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static __thread int inside __attribute__((tls_model("initial-exec")));

static void allocate(void) {
    if (inside) return;
    inside = 1;
    void *p = malloc(3000);
    if (p) *(char *)p = 1;
    free(realloc(p, 200000));
    inside = 0;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    allocate();
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset) {
    return mmap(at, size, protection, flags, fd, offset);
}

int munmap(void *at, size_t size) {
    allocate();
    return (int)syscall(SYS_munmap, at, size);
}

int madvise(void *at, size_t size, int advice) {
    allocate();
    return (int)syscall(SYS_madvise, at, size, advice);
}

int mprotect(void *at, size_t size, int protection) {
    allocate();
    return (int)syscall(SYS_mprotect, at, size, protection);
}
