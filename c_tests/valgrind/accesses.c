// Memcheck knows where each block begins and ends, which of its bytes are written, when it was freed, and who
// called.
// exit: 9
// stderr: Invalid write of size 1
// detail: Address 0x.* is 0 bytes after a block of size 10 alloc'd$
// detail: checked::malloc .*; by 0x\w+: main \(accesses\.c
// stderr: Invalid write of size 1
// detail: Address 0x.* is 1 bytes before a block of size 10 alloc'd$
// stderr: Conditional jump or move depends on uninitialised value\(s\)
// stderr: Invalid read of size 1
// detail: Address 0x.* is 4 bytes inside a block of size 10 free'd$
// detail: checked::free .*; by 0x\w+: (main|metes.*; by 0x\w+: main) \(accesses\.c
// stderr: Conditional jump or move depends on uninitialised value\(s\)
// stderr: Invalid read of size 1
// detail: Address 0x.* is 99 bytes inside a block of size 100 free'd$
// detail: checked::realloc .*; by 0x\w+: main \(accesses\.c
// stderr: Invalid write of size 1
// detail: Address 0x.* is 0 bytes after a block of size 1,000,000 alloc'd$
#include "check.h"

static volatile int sink;

__attribute__((noinline)) static void branch(const char *p) {
    if (*(volatile const char *)p == 'x') sink++;
}

__attribute__((noinline)) static void use(const char *p) { sink += *(volatile const char *)p; }

int main(void) {
    char *p = opaque(malloc(10));
    opaque(p)[10] = 1;
    opaque(p)[-1] = 1;
    branch(p + 3);
    free(p);
    use(p + 4);

    // calloc's bytes count as written.
    p = calloc(10, 10);
    branch(p + 99);
    // The bytes that realloc adds do not.
    char *grown = realloc(p, 200);
    branch(grown + 99);
    branch(grown + 100);
    // realloc always moves the block.
    use(p + 99);
    free(grown);

    p = opaque(malloc(1000000));
    opaque(p)[1000000] = 1;
    free(p);
    return 0;
}
