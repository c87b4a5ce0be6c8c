// An option that is not valid is named, with what is.
// stderr: metes: metes_pool_new: object_bytes is 268435457; valid: 0 to 268435456
// stderr: metes: metes_pool_new: align is 24; valid: 0, or a power of two up to 268435456
// stderr: metes: metes_pool_new: reserve is 11; valid: 0 to 10, which is the limit
// stderr: metes: metes_pool_new: shared is 2; valid: 0 or 1
// stderr: metes: metes_pool_new: size is 0; valid: sizeof\(struct metes_pool_options\)
#include "check.h"
#include "metes.h"

static void refused(size_t bytes, struct metes_pool_options options) {
    errno = 0;
    CHECK(!metes_pool_new(bytes, &options) && errno == EINVAL);
}

int main(void) {
    size_t size = sizeof(struct metes_pool_options);
    refused(((size_t)256 << 20) + 1, (struct metes_pool_options){.size = size});
    refused(64, (struct metes_pool_options){.size = size, .align = 24});
    refused(64, (struct metes_pool_options){.size = size, .limit = 10, .reserve = 11});
    refused(64, (struct metes_pool_options){.size = size, .shared = 2});
    refused(64, (struct metes_pool_options){.align = 64});
    // An older header has fewer fields, a newer one more.
    struct metes_pool_options old = {.size = offsetof(struct metes_pool_options, limit), .align = 128, .shared = 99};
    struct metes_pool *pool = metes_pool_new(1, &old);
    CHECK(pool && (uintptr_t)metes_pool_alloc(pool) % 128 == 0);
    metes_pool_destroy(pool);
    struct {
        struct metes_pool_options options;
        size_t more[4];
    } new = {.options = {.size = sizeof new, .limit = 1}, .more = {1, 2, 3, 4}};
    pool = metes_pool_new(1, &new.options);
    CHECK(pool && metes_pool_alloc(pool) && !metes_pool_alloc(pool));
    metes_pool_destroy(pool);
    return 0;
}
