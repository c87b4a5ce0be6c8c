// The program's preinit array runs before any library's constructor. The first allocation of all is there, after a
// free(NULL).
#include "check.h"

#include "include/life.h"

static void *first;

static void before_all(void) {
    free(NULL);
    CHECK(malloc_usable_size(NULL) == 0);
    first = realloc(NULL, 500);
    CHECK(first);
    memset(first, 0x44, 500);
    life(1);
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = before_all;

int main(void) {
    served_by_metes();
    CHECK(first && all_bytes_are(first, 500, 0x44));
    free(first);
    life(2);
    check_heap();
    return 0;
}
