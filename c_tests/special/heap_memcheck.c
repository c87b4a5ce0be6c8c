// Memcheck knows each block of a heap: an overrun, a late access, what was not written, and what is lost; and a heap that is used well makes no error.
// ways: memcheck
// exit: 9
// stderr: Invalid write of size 1
// detail: Address 0x.* is 0 bytes after a block of size 50 client-defined$
// stderr: Conditional jump or move depends on uninitialised value\(s\)
// stderr: Conditional jump or move depends on uninitialised value\(s\)
// stderr: Invalid read of size 1
// detail: Address 0x.* is 4 bytes inside a block of size 50 free'd$
// stderr: 24 bytes in 1 blocks are definitely lost in loss record [0-9]+ of [0-9]+
#include "check.h"
#include "metes.h"

// Without metes when it is linked: found when it runs.
#define FIND(name) __typeof__(name) *name##_ = (__typeof__(name) *)(uintptr_t)dlsym(RTLD_DEFAULT, #name)

static volatile int sink;
static struct metes_heap *volatile kept;
static void *volatile other;

__attribute__((noinline)) static void branch(const char *p) {
    if (*(volatile const char *)p == 'x') sink++;
}

__attribute__((noinline)) static void lose(struct metes_heap *heap, typeof(metes_heap_malloc) *alloc) {
    if (!alloc(heap, 24)) sink++;
}

int main(void) {
    FIND(metes_heap_new);
    FIND(metes_heap_malloc);
    FIND(metes_heap_calloc);
    FIND(metes_heap_realloc);
    FIND(metes_heap_free);
    FIND(metes_heap_usable_size);
    FIND(metes_heap_reset);
    FIND(metes_heap_purge);
    FIND(metes_heap_check);
    FIND(metes_heap_destroy);
    struct metes_heap *heap = metes_heap_new_(NULL);
    char *first = metes_heap_malloc_(heap, 50), *p = metes_heap_malloc_(heap, 50);
    memset(first, 1, 50);
    CHECK(metes_heap_usable_size_(heap, p) == 50);
    opaque(p)[50] = 1;
    branch(p + 3);
    memset(p, 1, 50);
    p = metes_heap_realloc_(heap, p, 60);
    branch(p + 55);
    p = metes_heap_realloc_(heap, p, 50);
    metes_heap_free_(heap, p);
    sink += *(volatile char *)(p + 4);
    metes_heap_destroy_(heap);

    // Used well, for long.
    for (int single = 0; single < 2; single++) {
        struct metes_heap_options options = {.size = sizeof options, .name = "well", .single_threaded = single};
        struct metes_heap *heap = metes_heap_new_(&options);
        char *blocks[100] = {0};
        uint64_t random = 1;
        for (int i = 0; i < 2000; i++) {
            char **block = &blocks[next_random(&random) % 100];
            size_t bytes = 1 + next_random(&random) % (i % 10 ? 300 : 30000);
            switch (next_random(&random) % 4) {
            case 0:
                metes_heap_free_(heap, *block);
                *block = NULL;
                break;
            case 1:
                free(*block);
                *block = metes_heap_calloc_(heap, 1, bytes);
                branch(*block + bytes - 1);
                break;
            case 2:
                *block = *block ? realloc(*block, bytes) : NULL;
                break;
            default:
                *block = metes_heap_realloc_(heap, *block, bytes);
            }
            if (*block) {
                memset(*block, 1, bytes);
            }
        }
        CHECK(metes_heap_check_(heap) == NULL);
        metes_heap_purge_(heap);
        metes_heap_reset_(heap);
        CHECK(metes_heap_check_(heap) == NULL);
        metes_heap_destroy_(heap);
    }

    // Without any block of malloc's memcheck looks for no leak.
    other = malloc(10);
    kept = metes_heap_new_(NULL);
    lose(kept, metes_heap_malloc_);
    return 0;
}
