// Options that are not valid are named, with the valid ones; a struct of an older library is taken for what it says.
// stderr: metes: metes_heap_new: fit is 7: valid are 0 \(best\), 1 \(first\) and 2 \(worst\)
// stderr: metes: metes_heap_new: size is 3: it must be sizeof\(struct metes_heap_options\)
#include "include/heaps.h"

int main(void) {
    struct metes_heap_options options = {.size = sizeof options, .fit = 7};
    CHECK(metes_heap_new(&options) == NULL && errno == EINVAL);
    options.size = 3;
    errno = 0;
    CHECK(metes_heap_new(&options) == NULL && errno == EINVAL);
    options.size = sizeof options.size + sizeof options.name;
    struct metes_heap *heap = metes_heap_new(&options);
    CHECK(heap != NULL);
    errno = 0;
    CHECK(metes_heap_aligned_alloc(heap, 48, 100) == NULL && errno == EINVAL);
    size_t usable;
    CHECK(metes_heap_malloc_at_least(heap, 100, &usable) != NULL && usable >= 100);
    metes_heap_destroy(heap);
    metes_heap_destroy(NULL);
    return 0;
}
