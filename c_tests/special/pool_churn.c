// Many pools against a model: every object keeps its pattern, and the pools stay whole.
// args: 60
// soak-args: 3000
#include "check.h"
#include "metes.h"

#define MOST 4000

static unsigned long state = 1;

static unsigned number(unsigned below) {
    state = state * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(state >> 33) % below;
}

static void mark(unsigned char *object, size_t bytes) { memset(object, (int)((uintptr_t)object >> 4), bytes); }

static void look(const unsigned char *object, size_t bytes) {
    CHECK(object[0] == (unsigned char)((uintptr_t)object >> 4));
    CHECK(bytes < 2 || memcmp(object, object + 1, bytes - 1) == 0);
}

static void churn(size_t bytes, struct metes_pool_options *options) {
    static unsigned char *live[MOST];
    unsigned count = 0;
    struct metes_pool *pool = metes_pool_new(bytes, options);
    for (int round = 0; round < 30; round++) {
        unsigned wanted = number(MOST);
        while (count < wanted) {
            live[count] = metes_pool_alloc(pool);
            CHECK(live[count]);
            mark(live[count++], bytes);
        }
        while (count > wanted) {
            unsigned which = number(count);
            look(live[which], bytes);
            metes_pool_free(pool, live[which]);
            live[which] = live[--count];
        }
        if (number(4) == 0) metes_pool_trim(pool);
        CHECK(metes_pool_count(pool) == count);
        const char *broken = metes_pool_check(pool);
        if (broken) fprintf(stderr, "%s\n", broken);
        CHECK(!broken);
    }
    metes_pool_destroy(pool);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 1;
    for (int i = 0; i < rounds; i++) {
        struct metes_pool_options options = {.size = sizeof options, .shared = number(2)};
        if (number(2)) options.align = (size_t)1 << number(8);
        churn(1 + number(number(2) ? 64 : 2000), &options);
    }
    check_heap();
    return 0;
}
