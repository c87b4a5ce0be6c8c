// Memcheck knows where each piece begins and ends, what of it is written, and when it was taken back.
// ways: memcheck
// exit: 9
// stderr: Invalid write of size 1
// detail: Address 0x.* is 0 bytes after a block of size 24 client-defined$
// stderr: Conditional jump or move depends on uninitialised value\(s\)
// stderr: Invalid read of size 1
// detail: Address 0x.* is 4 bytes inside a block of size 24 free'd$
// stderr: Conditional jump or move depends on uninitialised value\(s\)
// stderr: Conditional jump or move depends on uninitialised value\(s\)
// stderr: Invalid read of size 1
// stderr: Invalid write of size 1
#include "check.h"
#include "metes.h"

// The program is linked without metes, which is preloaded.
#pragma weak metes_arena_new
#pragma weak metes_arena_over
#pragma weak metes_arena_destroy
#pragma weak metes_arena_alloc
#pragma weak metes_arena_calloc
#pragma weak metes_arena_aligned_alloc
#pragma weak metes_arena_realloc
#pragma weak metes_arena_mark
#pragma weak metes_arena_rewind
#pragma weak metes_arena_reset
#pragma weak metes_arena_check

static volatile int sink;
static metes_arena *kept;

__attribute__((noinline)) static void branch(const char *p) {
    if (*(volatile const char *)p == 'x') sink++;
}

__attribute__((noinline)) static void use(const char *p) { sink += *(volatile const char *)p; }

int main(void) {
    metes_arena *arena = metes_arena_new(NULL);
    char *first = opaque((char *)metes_arena_alloc(arena, 24));
    struct metes_arena_mark mark = metes_arena_mark(arena);
    char *second = opaque((char *)metes_arena_alloc(arena, 24));
    memset(first, 1, 24);
    first[24] = 1;
    branch(second + 3);
    metes_arena_rewind(arena, mark);
    use(second + 4);
    branch(first + 23);

    // What has come to it is not written. It moves, always.
    char *last = opaque((char *)metes_arena_calloc(arena, 1, 100));
    last = opaque((char *)metes_arena_realloc(arena, last, 100, 200));
    branch(last + 99);
    branch(last + 100);
    last[199] = 1;

    // In a buffer there is no room to spare: it grows and shrinks in place.
    static char buffer[4096];
    metes_arena *other = metes_arena_over(buffer, sizeof buffer);
    last = opaque((char *)metes_arena_calloc(other, 1, 100));
    CHECK(metes_arena_realloc(other, last, 100, 200) == last);
    branch(last + 99);
    branch(last + 100);
    CHECK(metes_arena_realloc(other, last, 200, 50) == last);
    use(last + 50);
    metes_arena_destroy(other);
    // The buffer is the program's again.
    buffer[3000] = 1;
    branch(buffer + 3000);

    // What leads to an arena leads to all that is in it.
    kept = metes_arena_new(NULL);
    for (int k = 0; k < 1000; k++) *(void **)metes_arena_alloc(kept, 100) = malloc(100);
    *(void **)metes_arena_alloc(kept, 100000) = malloc(100);

    char *large = opaque((char *)metes_arena_alloc(arena, 100000));
    large[99999] = 1;
    large[100000] = 1;
    for (int round = 0; round < 3; round++) {
        metes_arena_reset(arena);
        for (int k = 0; k < 1000; k++) memset(metes_arena_alloc(arena, 100), 1, 100);
    }
    CHECK(!metes_arena_check(arena));
    metes_arena_destroy(arena);
    return 0;
}
