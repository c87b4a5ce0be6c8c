// With 128 MiB of address space no reservation may need more. Allocation fails softly with ENOMEM, and goes on after
// a free.
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <sys/resource.h>

#include "include/life.h"

static void use_up(size_t size, size_t at_least) {
    enum { MOST = 1 << 20 };
    static void *blocks[MOST];
    size_t count = 0;
    errno = 0;
    while (count < MOST && (blocks[count] = malloc(size))) count++;
    CHECK(count < MOST);
    CHECK(errno == ENOMEM);
    CHECK(count * size > at_least);
    errno = 0;
    CHECK(calloc(100, 2 * MIB) == NULL && errno == ENOMEM);
    void *same = blocks[0];
    errno = 0;
    CHECK(realloc(blocks[0], 200 * MIB) == NULL && errno == ENOMEM && blocks[0] == same);
    check_heap();
    while (count) free(blocks[--count]);
    life((unsigned)size);
    check_heap();
}

static void *body(void *arg) {
    for (unsigned i = 0; i < 20; i++) life(i);
    return arg;
}

int main(int argc, char **argv) {
    pthread_t threads[4];
    if (argc == 1) {
        struct rlimit limit = {128 * MIB, 128 * MIB};
        CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
        execl("/proc/self/exe", argv[0], "again", (char *)NULL);
        CHECK(!"exec");
    }
    served_by_metes();
    // The threads run first, because the heap may keep what it has had.
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, body, NULL) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    use_up(1000, 64 * MIB);
    use_up(MIB, 64 * MIB);
    use_up(200, 40 * MIB);
    use_up(30000, 64 * MIB);
    use_up(100000, 64 * MIB);
    check_heap();
    return 0;
}
