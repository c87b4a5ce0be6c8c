// mallinfo2 and malloc_stats speak of the heap the program uses, not of libc's idle one.
#include "check.h"

int main(void) {
    static void *blocks[1000];
    int ends[2];
    char text[4096];
    served_by_metes();
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 1000; i++) CHECK((blocks[i] = malloc(10000)));
    struct mallinfo2 full = mallinfo2();
    CHECK(full.uordblks >= before.uordblks + 10000000 && full.hblkhd == before.hblkhd);
    for (int i = 0; i < 1000; i++) free(blocks[i]);
    struct mallinfo2 after = mallinfo2();
    CHECK(after.uordblks < before.uordblks + MIB && after.hblkhd == before.hblkhd);
    fflush(stderr);
    int kept = dup(2);
    CHECK(pipe(ends) == 0 && dup2(ends[1], 2) == 2);
    malloc_stats();
    fflush(stderr);
    CHECK(dup2(kept, 2) == 2);
    CHECK(read(ends[0], text, sizeof text) > 0);
    return 0;
}
