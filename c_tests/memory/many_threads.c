// Many threads have few small blocks each. They take hardly more mappings than one thread, and a few pages each.
// When they have ended, their memory goes back, with malloc_trim or without a call, and other threads use it again.
// ways: preload so
// cflags: -pthread
// args: 500
// soak-args: 20000
#include "check.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>

#include "include/resident.h"

// Five pages for a thread: two of its stack, two of its cache, and its blocks, of 745 bytes, with their records.
enum { EACH = 10, STACK = 64 << 10, MAPPINGS_MORE = 40, PAGES_EACH = 5, PAGES_LEFT = 256, HELPER = 256, HELPER_MAPPINGS = 4 };

static pthread_barrier_t all_end;
static sem_t has;

static void *few_blocks(void *arg) {
    unsigned char *blocks[EACH];
    for (size_t i = 0; i < EACH; i++) {
        CHECK(blocks[i] = malloc(16 + 13 * i));
        memset(blocks[i], (int)i, 16 + 13 * i);
    }
    sem_post(&has);
    pthread_barrier_wait(&all_end);
    for (size_t i = 0; i < EACH; i++) {
        CHECK(all_bytes_are(blocks[i], 16 + 13 * i, (unsigned char)i));
        free(blocks[i]);
    }
    return arg;
}

// Without stdio, which allocates.
static size_t mappings(void) {
    static char text[1 << 16];
    size_t lines = 0;
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    for (ssize_t got; (got = read(file, text, sizeof text)) > 0;)
        for (ssize_t i = 0; i < got; i++) lines += text[i] == '\n';
    close(file);
    return lines;
}

static size_t address_space(void) { return number_in("/proc/self/statm", 0); }

static size_t pages(void) { return resident() / (size_t)sysconf(_SC_PAGESIZE); }

struct figures {
    size_t mappings, pages, address_space;
};

// Runs so many threads at a time, on stacks in one mapping. Returns the figures while they all live.
static struct figures crowd(size_t count) {
    pthread_attr_t attributes;
    char *stacks = mmap(NULL, count * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    pthread_t *threads = mmap(NULL, count * sizeof *threads, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stacks != MAP_FAILED && (void *)threads != MAP_FAILED);
    madvise(stacks, count * STACK, MADV_NOHUGEPAGE);
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(sem_init(&has, 0, 0) == 0);
    CHECK(pthread_barrier_init(&all_end, NULL, (unsigned)count + 1) == 0);
    for (size_t i = 0; i < count; i++) {
        CHECK(pthread_attr_setstack(&attributes, stacks + i * STACK, STACK) == 0);
        CHECK(pthread_create(&threads[i], &attributes, few_blocks, NULL) == 0);
        // One after the other: pages that two threads open at once may be two mappings.
        while (sem_wait(&has) != 0) CHECK(errno == EINTR);
    }
    struct figures figures = {mappings(), pages(), address_space()};
    pthread_barrier_wait(&all_end);
    for (size_t i = 0; i < count; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(munmap(stacks, count * STACK) == 0 && munmap(threads, count * sizeof *threads) == 0);
    return figures;
}

static void is_at_most(const char *what, size_t figure, size_t most) {
    if (figure > most) fprintf(stderr, "%s: %zu, not %zu at most\n", what, figure, most);
    CHECK(figure <= most);
}

int main(int argc, char **argv) {
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 500;
    served_by_metes();
    // Makes the arenas, the key, and all else that comes with a second thread.
    crowd(4);
    struct figures few = crowd(1), many = crowd(count);
    is_at_most("mappings", many.mappings, few.mappings + MAPPINGS_MORE + count / 64);
    is_at_most("pages", many.pages, few.pages + PAGES_EACH * count);
    // Without a call of malloc or free.
    CHECK(shrinks_to((few.pages + PAGES_LEFT + count / 8) * (size_t)sysconf(_SC_PAGESIZE)));
    struct figures again = crowd(count);
    // The helper's own block stays.
    is_at_most("address space", again.address_space, many.address_space + HELPER);
    is_at_most("mappings", again.mappings, many.mappings + HELPER_MAPPINGS);
    malloc_trim(0);
    is_at_most("pages after malloc_trim", pages(), few.pages + PAGES_LEFT + count / 8);
    check_heap();
    return 0;
}
