// mallinfo2 and mallinfo: the arenas' memory, in use and free, and the mappings.

#include "check.h"

// mallinfo is deprecated, but programs call it.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define COUNT 2000
#define SIZE 10000

static void *blocks[COUNT];

static struct mallinfo2 info(void) {
    struct mallinfo2 now = mallinfo2();
    CHECK(now.arena == now.uordblks + now.fordblks);
    CHECK(now.fsmblks <= now.fordblks && now.keepcost <= now.fordblks && now.usmblks == 0);
    return now;
}

static void blocks_in_use_are_counted(void) {
    size_t before = info().uordblks;
    for (int i = 0; i < COUNT; i++)
        CHECK((blocks[i] = malloc(SIZE)));
    struct mallinfo2 full = info();
    CHECK(full.uordblks >= before + (size_t)COUNT * SIZE);
    CHECK(full.uordblks <= before + (size_t)COUNT * SIZE * 3 / 2);
    for (int i = 0; i < COUNT; i++)
        free(blocks[i]);
    CHECK(info().uordblks <= before + (size_t)COUNT * SIZE / 10);
}

static void small_blocks_in_use_are_counted(void) {
    static void *small[100000];
    size_t before = info().uordblks;
    for (int i = 0; i < 100000; i++)
        CHECK((small[i] = malloc(100)));
    CHECK(info().uordblks >= before + 100000 * 100);
    for (int i = 0; i < 100000; i++)
        free(small[i]);
    CHECK(info().uordblks <= before + 100000 * 100 / 10);
}

static void mappings_are_counted(void) {
    struct mallinfo2 before = info();
    void *first = malloc(40 * MIB), *second = malloc(50 * MIB);
    CHECK(first && second);
    struct mallinfo2 mapped = info();
    CHECK(mapped.hblks == before.hblks + 2);
    CHECK(mapped.hblkhd >= before.hblkhd + 90 * MIB);
    CHECK(mapped.hblkhd <= before.hblkhd + 91 * MIB);
    CHECK(mapped.arena == before.arena && mapped.uordblks == before.uordblks);
    free(first);
    free(second);
    struct mallinfo2 after = info();
    CHECK(after.hblks == before.hblks && after.hblkhd == before.hblkhd);
}

static void the_old_one_agrees(void) {
    void *block = malloc(1 * MIB);
    CHECK(block);
    struct mallinfo2 now = info();
    struct mallinfo old = mallinfo();
    CHECK((size_t)old.arena == now.arena && (size_t)old.uordblks == now.uordblks);
    CHECK((size_t)old.hblks == now.hblks && (size_t)old.hblkhd == now.hblkhd);
    CHECK((size_t)old.fordblks == now.fordblks && (size_t)old.ordblks == now.ordblks);
    free(block);
}

// Each freed piece adds one to ordblks and its bytes to fordblks.
static void pieces_and_their_bytes_are_of_the_same(void) {
    enum { MANY = 1000 };
    static void *small[MANY], *large[4];
    struct mallinfo2 start = info();
    CHECK((start.ordblks == 0) == (start.fordblks == 0));
    for (int i = 0; i < MANY; i++) CHECK((small[i] = malloc(100)));
    for (int i = 0; i < 4; i++) CHECK((large[i] = malloc(100000)));
    size_t usable = malloc_usable_size(small[0]);
    struct mallinfo2 before = info();
    // Every other one, so that no two free pieces merge.
    for (int i = 0; i < MANY; i += 2) free(small[i]);
    struct mallinfo2 holes = info();
    CHECK(holes.ordblks == before.ordblks + MANY / 2);
    CHECK(holes.fordblks == before.fordblks + MANY / 2 * usable);
    CHECK(holes.uordblks == before.uordblks - MANY / 2 * usable);
    // The block with its header.
    size_t bytes = malloc_usable_size(large[1]) + 8;
    free(large[1]);
    struct mallinfo2 larger = info();
    CHECK(larger.ordblks == holes.ordblks + 1);
    CHECK(larger.fordblks == holes.fordblks + bytes);
    CHECK(larger.uordblks == holes.uordblks - bytes);
    for (int i = 1; i < MANY; i += 2) free(small[i]);
    for (int i = 0; i < 4; i++)
        if (i != 1) free(large[i]);
    struct mallinfo2 end = info();
    CHECK(end.fordblks >= end.ordblks * 16 && end.ordblks > 0);
    // Little more than the ends of regions and slabs is still in use.
    CHECK(end.uordblks < end.arena / 8);
}

int main(void) {
    served_by_metes();
    blocks_in_use_are_counted();
    small_blocks_in_use_are_counted();
    mappings_are_counted();
    the_old_one_agrees();
    pieces_and_their_bytes_are_of_the_same();
    check_heap();
}
