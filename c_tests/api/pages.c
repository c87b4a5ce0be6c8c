// valloc and pvalloc return page-aligned blocks. pvalloc also rounds the size up to whole pages.

#include "check.h"

int main(void) {
    served_by_metes();
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t sizes[] = {0,    1,        100,      page - 1,   page,   page + 1,
                      3 * page, 20 * page + 7, 1 * MIB, 1 * MIB + 1, 5 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i], rounded = (size + page - 1) / page * page;
        void *one = valloc(opaque(size)), *other = valloc(opaque(size));
        CHECK(one && other && one != other);
        CHECK(is_aligned(one, page) && is_aligned(other, page));
        CHECK(malloc_usable_size(one) >= size);
        memset(one, 1, size);

        void *whole = pvalloc(opaque(size)), *second = pvalloc(opaque(size));
        CHECK(whole && second && whole != second);
        CHECK(is_aligned(whole, page) && is_aligned(second, page));
        CHECK(malloc_usable_size(whole) >= rounded);
        memset(whole, 2, rounded);
        CHECK(all_bytes_are(one, size, 1));
        free(whole);
        free(second);

        one = realloc(one, size + 100);
        CHECK(one && all_bytes_are(one, size, 1));
        free(one);
        free(other);
    }
    check_heap();
}
