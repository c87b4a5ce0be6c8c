// Where every block is checked, the first ones are guarded as well. They are blocks like any other, whatever a
// program does with them.
// env: METES_OPTIONS=checks=full
// libs: -pthread
#include "include/guard.h"
#include <malloc.h>
#include <pthread.h>

enum { COUNT = 2000 };

static int ends_a_page(char *p, size_t n) { return (uintptr_t)p % 4096 == 4096 - (n + 15) / 16 * 16; }

static void *frees(void *blocks) {
    for (int i = 0; i < COUNT; i++) free(((char **)blocks)[i]);
    return NULL;
}

int main(void) {
    char *p = malloc(77);
    CHECK(ends_a_page(p, 77) && malloc_usable_size(p) == 77);
    memset(p, 'x', 77);
    for (size_t n = 78; n < 40000; n += n / 3) {
        p = realloc(p, n);
        CHECK(p && malloc_usable_size(p) == n);
        for (int i = 0; i < 77; i++) CHECK(p[i] == 'x');
    }
    p = realloc(p, 33);
    CHECK(malloc_usable_size(p) == 33 && p[32] == 'x');
    CHECK(!realloc(p, 0));

    char *zero = calloc(10, 100);
    for (int i = 0; i < 1000; i++) CHECK(!zero[i]);
    free(zero);
    char *aligned = aligned_alloc(256, 512);
    CHECK((uintptr_t)aligned % 256 == 0 && malloc_usable_size(aligned) == 512);
    free(aligned);
    char *nothing = malloc(0);
    CHECK(nothing && malloc_usable_size(nothing) == 0);
    free(nothing);

    char *blocks[COUNT];
    int guarded = 0;
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = malloc(500);
        memset(blocks[i], i, 500);
        guarded += ends_a_page(blocks[i], 500);
    }
    // A block that is not guarded may end a page too: one of 256, or one of 8 of this size.
    CHECK(guarded > 64 && guarded < COUNT / 2);
    check_whole();
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < 500; k++) CHECK(blocks[i][k] == (char)i);
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, frees, blocks));
    CHECK(!pthread_join(thread, NULL));
    check_whole();
    return 0;
}
