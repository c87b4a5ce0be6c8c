// asked: a library to preload that counts the bytes a program has asked for and not freed yet, over the libc's malloc.
//
// An allocator without any cost would hold just these. bytes_asked() says how many; malloc_usable_size is what was
// asked for, so that programs which count by it, such as redis, count the same.
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

// Before each block: where the libc's block begins, and the bytes asked for.
struct head {
    void *begin;
    size_t size;
};

static size_t asked;

size_t bytes_asked(void)
{
    return __atomic_load_n(&asked, __ATOMIC_RELAXED);
}

static struct head *head_of(void *p)
{
    return (struct head *)p - 1;
}

static void *block(size_t alignment, size_t size)
{
    size_t before = alignment > sizeof(struct head) ? alignment : sizeof(struct head);
    if (size > PTRDIFF_MAX - before) {
        errno = ENOMEM;
        return NULL;
    }
    char *begin = before > sizeof(struct head) ? __libc_memalign(alignment, before + size) : __libc_malloc(before + size);
    if (!begin)
        return NULL;
    *head_of(begin + before) = (struct head){begin, size};
    __atomic_fetch_add(&asked, size, __ATOMIC_RELAXED);
    return begin + before;
}

void *malloc(size_t size)
{
    return block(1, size);
}

void free(void *p)
{
    if (!p)
        return;
    __atomic_fetch_sub(&asked, head_of(p)->size, __ATOMIC_RELAXED);
    __libc_free(head_of(p)->begin);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    void *p = block(1, bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

void *realloc(void *p, size_t size)
{
    if (p && !size) {
        free(p);
        return NULL;
    }
    void *moved = block(1, size);
    if (p && moved) {
        memcpy(moved, p, head_of(p)->size < size ? head_of(p)->size : size);
        free(p);
    }
    return moved;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return block(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
    return block(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *p = block(alignment, size);
    if (p)
        *out = p;
    return p ? 0 : ENOMEM;
}

size_t malloc_usable_size(void *p)
{
    return p ? head_of(p)->size : 0;
}
