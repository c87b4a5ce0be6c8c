// The option `limit` caps what metes has from the system. Each way of asking for more fails softly. Memory that is
// free again can be had again, in blocks of any size.
// cflags: -pthread
// env: METES_OPTIONS=limit=64m
// timeout: 120
#include "check.h"
#include "statistics.h"

#include "include/exhaust.h"

static void within(void) { CHECK(statistics().mapped <= 64 * MIB); }

int main(void) {
    struct hoard h = new_hoard();
    served_by_metes();
    errno = 0;
    CHECK(malloc(65 * MIB) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(calloc(65, MIB) == NULL && errno == ENOMEM);
    void *block = malloc(20 * MIB);
    CHECK(block);
    errno = 0;
    CHECK(realloc(block, 65 * MIB) == NULL && errno == ENOMEM);
    CHECK((block = realloc(block, 50 * MIB)));
    free(block);
    within();
    use_up_and_recover(&h, small, 44 * MIB);
    within();
    use_up_and_recover(&h, tiny, 30 * MIB);
    within();
    use_up_and_recover(&h, medium, 48 * MIB);
    within();
    use_up_and_recover(&h, large, 48 * MIB);
    within();
    use_up_and_recover(&h, mixed, 46 * MIB);
    within();
    grow_until_null(20 * MIB);
    within();
    in_threads();
    within();
    use_up_and_recover(&h, small, 42 * MIB);
    CHECK((block = malloc(40 * MIB)));
    free(block);
    within();
    return 0;
}
