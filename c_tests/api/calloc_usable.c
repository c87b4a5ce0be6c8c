// All of calloc's usable memory is zero, not only the bytes asked for: programs ask for the usable size and use it.
// This holds at every level, for memory that was in use before, and for memory from every source.
// default: silent
// full: silent
// trailers: silent
// guard: silent
// debug: silent
#include "check.h"

enum { MANY = 200 };

static void dirty(size_t size, void **blocks, int many) {
    for (int i = 0; i < many; i++) {
        CHECK((blocks[i] = malloc(size)));
        memset(blocks[i], 0xff, malloc_usable_size(blocks[i]));
    }
    // Some stay, so that slabs and free blocks have holes.
    for (int i = 0; i < many; i++)
        if (i % 7) free(blocks[i]);
}

static void check_whole(size_t size) {
    static void *blocks[MANY], *zeroed[MANY];
    int many = size < 4096 ? MANY : size < 300 * KIB ? 20 : 3;
    dirty(size, blocks, many);
    for (int i = 0; i < many; i++) {
        CHECK((zeroed[i] = calloc(1, size)));
        size_t usable = malloc_usable_size(zeroed[i]);
        CHECK(usable >= size && all_bytes_are(zeroed[i], usable, 0));
        memset(zeroed[i], 0xee, usable);
    }
    for (int i = 0; i < many; i++) {
        free(zeroed[i]);
        if (i % 7 == 0) free(blocks[i]);
    }
}

int main(void) {
    served_by_metes();
    check_whole(0);
    for (size_t size = 1; size < 4 * MIB; size += size / 11 + 1) check_whole(size);
    // A cached heap block may be a little larger than its class.
    for (size_t size = 40 * KIB; size < 256 * KIB; size += 9 * KIB) {
        for (size_t less = 0; less < 64; less += 16) {
            void *block = memalign(64, size - less);
            CHECK(block);
            memset(block, 0xff, malloc_usable_size(block));
            free(block);
            unsigned char *zeroed = calloc(1, size - less);
            CHECK(zeroed && all_bytes_are(zeroed, malloc_usable_size(zeroed), 0));
            free(zeroed);
        }
    }
    check_heap();
    return 0;
}
