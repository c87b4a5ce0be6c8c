// Every alignment to 1 MiB against every kind of size, freed in another order than made.
// args: 20
// soak-args: 1000
#include "check.h"

#include "include/mix.h"

int main(int argc, char **argv) {
    static const size_t sizes[] = {0, 1, 15, 16, 17, 100, 1024, 4096, 5000, 65536, 70000, 1500000};
    enum { SIZES = sizeof sizes / sizeof sizes[0], ALIGNMENTS = 21, ALL = SIZES * ALIGNMENTS };
    static struct block blocks[ALL];
    long rounds = argument(argc, argv, 1, 20);
    for (long r = 0; r < rounds; r++) {
        for (int i = 0; i < ALL; i++) {
            size_t alignment = (size_t)1 << i % ALIGNMENTS, size = sizes[i / ALIGNMENTS];
            void *at = NULL;
            if (alignment >= sizeof(void *) && i % 2)
                CHECK(posix_memalign(&at, alignment, size) == 0);
            else
                at = memalign(alignment, size);
            CHECK(at && is_aligned(at, alignment) && malloc_usable_size(at) >= size);
            blocks[i] = (struct block){at, size, (unsigned)i};
            if (size) stamp(blocks[i]);
        }
        for (int i = 0; i < ALL; i++) {
            // 101 and the count of blocks share no factor, so each is freed once.
            struct block b = blocks[(i * 101 + (int)r) % ALL];
            if (b.size) check_stamp(b);
            free(b.at);
        }
    }
    check_heap();
    return 0;
}
