// Memcheck knows the blocks of a free list inside its buffer: overruns, uses after a free, and what was never written.
// ways: memcheck
// exit: 9
// stderr: Invalid write of size 1
// detail: Address 0x.* is in a rw- anonymous segment
// stderr: Invalid read of size 1
// detail: Address 0x.* is 4 bytes inside a block of size 10 free'd$
// stderr: Conditional jump or move depends on uninitialised value\(s\)
#include "check.h"

#include "metes.h"
#include <sys/mman.h>

static volatile int sink;

#define FROM_METES(name) static __typeof__(metes_freelist_##name) *name##_of
FROM_METES(init);
FROM_METES(malloc);
FROM_METES(calloc);
FROM_METES(realloc);
FROM_METES(free);
FROM_METES(check);
#define FIND(name) CHECK((name##_of = (__typeof__(name##_of))dlsym(RTLD_DEFAULT, "metes_freelist_" #name)))

__attribute__((noinline)) static void branch(const char *p) {
    if (*(volatile const char *)p == 'x') sink++;
}

int main(void) {
    FIND(init);
    FIND(malloc);
    FIND(calloc);
    FIND(realloc);
    FIND(free);
    FIND(check);
    void *buffer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(buffer != MAP_FAILED);
    metes_freelist *list = init_of(buffer, 4096, NULL);
    char *p = malloc_of(list, 10), *zero = calloc_of(list, 10, 10);
    p[9] = 1;
    opaque(p)[10] = 1;
    branch(zero + 99);
    zero = realloc_of(list, zero, 50);
    branch(zero + 49);
    free_of(list, p);
    sink += opaque(p)[4];
    p = malloc_of(list, 20);
    branch(p + 3);
    free_of(list, p);
    free_of(list, zero);
    CHECK(!check_of(list));
    return 0;
}
