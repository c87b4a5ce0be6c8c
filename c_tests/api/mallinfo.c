// mallinfo2 and mallinfo: what is in use, in blocks and in mappings.

#include "check.h"

// It is deprecated, and programs call it.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define COUNT 2000
#define SIZE 10000

static void *blocks[COUNT];

static void blocks_in_use_are_counted(void) {
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < COUNT; i++)
        CHECK((blocks[i] = malloc(SIZE)));
    struct mallinfo2 full = mallinfo2();
    CHECK(full.uordblks >= before + (size_t)COUNT * SIZE);
    CHECK(full.uordblks <= before + (size_t)COUNT * SIZE * 3 / 2);
    CHECK(full.arena >= full.uordblks);
    for (int i = 0; i < COUNT; i++)
        free(blocks[i]);
    CHECK(mallinfo2().uordblks <= before + (size_t)COUNT * SIZE / 10);
}

static void small_blocks_in_use_are_counted(void) {
    static void *small[100000];
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 100000; i++)
        CHECK((small[i] = malloc(100)));
    CHECK(mallinfo2().uordblks >= before + 100000 * 100);
    for (int i = 0; i < 100000; i++)
        free(small[i]);
    CHECK(mallinfo2().uordblks <= before + 100000 * 100 / 10);
}

static void mappings_are_counted(void) {
    struct mallinfo2 before = mallinfo2();
    void *first = malloc(40 * MIB), *second = malloc(50 * MIB);
    CHECK(first && second);
    struct mallinfo2 mapped = mallinfo2();
    CHECK(mapped.hblks == before.hblks + 2);
    CHECK(mapped.hblkhd >= before.hblkhd + 90 * MIB);
    CHECK(mapped.hblkhd <= before.hblkhd + 91 * MIB);
    free(first);
    free(second);
    struct mallinfo2 after = mallinfo2();
    CHECK(after.hblks == before.hblks && after.hblkhd == before.hblkhd);
}

static void the_old_one_agrees(void) {
    void *block = malloc(1 * MIB);
    CHECK(block);
    struct mallinfo2 now = mallinfo2();
    struct mallinfo old = mallinfo();
    CHECK((size_t)old.arena == now.arena && (size_t)old.uordblks == now.uordblks);
    CHECK((size_t)old.hblks == now.hblks && (size_t)old.hblkhd == now.hblkhd);
    CHECK((size_t)old.fordblks == now.fordblks);
    free(block);
}

int main(void) {
    served_by_metes();
    blocks_in_use_are_counted();
    small_blocks_in_use_are_counted();
    mappings_are_counted();
    the_old_one_agrees();
    check_heap();
}
