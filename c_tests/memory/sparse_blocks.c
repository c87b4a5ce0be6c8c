// A block of which little is touched costs what is touched, however large the heap is and whatever came before. Huge
// pages are for memory that is known to be dense. The peak of each load is at most twice what it touches.
// ways: so preload
#include "check.h"

#include <sys/resource.h>
#include <sys/wait.h>

enum { PAGE = 4096, MANY = 4000, SMALL = 400000 };

static size_t touched;
static char *kept[MANY];
static void *small[SMALL];

static void touch(char *block, size_t at) {
    block[at] = 1;
    touched += PAGE;
}

// The first free of a mapping tells metes to serve blocks of its size from the heap.
static void learn(size_t size) {
    char *block = malloc(size);
    CHECK(block);
    block[0] = 1;
    free(opaque(block));
}

static void two_pages_of_each(void) {
    learn(256 * KIB);
    for (int i = 0; i < MANY; i++) {
        CHECK((kept[i] = malloc(256 * KIB)));
        touch(kept[i], 0);
        touch(kept[i], 5000);
    }
}

static void zeroed(void) {
    learn(16 * MIB);
    for (int i = 0; i < 20; i++) {
        CHECK((kept[i] = calloc(1, 16 * MIB)));
        for (size_t at = 0; at < 16 * MIB; at += MIB) touch(kept[i], at);
    }
}

static void not_zeroed(void) {
    learn(16 * MIB);
    for (int i = 0; i < 20; i++) {
        CHECK((kept[i] = malloc(16 * MIB)));
        for (size_t at = 0; at < 16 * MIB; at += MIB) touch(kept[i], at);
    }
}

// Dense blocks let metes expect dense ones after them, but only for as much memory as they had themselves.
static void behind_dense_ones(void) {
    learn(16 * MIB);
    for (int i = 0; i < 4; i++) {
        CHECK((kept[i] = malloc(16 * MIB)));
        memset(kept[i], 1, 16 * MIB);
    }
    touched += 4 * 16 * MIB;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 4; i++) free(kept[i]);
        for (int i = 0; i < 4; i++) {
            CHECK((kept[i] = malloc(16 * MIB)));
            memset(kept[i], 1, 16 * MIB);
        }
    }
    for (int i = 4; i < 60; i++) {
        CHECK((kept[i] = malloc(16 * MIB)));
        for (size_t at = 0; at < 16 * MIB; at += MIB) touch(kept[i], at);
    }
}

static void beside_small_ones(void) {
    learn(256 * KIB);
    for (int i = 0; i < SMALL; i++) {
        CHECK((small[i] = malloc(400)));
        memset(small[i], 1, 400);
    }
    touched += SMALL * (size_t)400;
    for (int i = 0; i < 2000; i++) {
        CHECK((kept[i] = malloc(256 * KIB)));
        touch(kept[i], 0);
        touch(kept[i], 5000);
    }
}

// Slabs ask for huge pages for more and more memory. The blocks between them get none.
static void among_small_ones(void) {
    learn(256 * KIB);
    for (int i = 0; i < MANY / 2; i++) {
        for (int j = 0; j < 100; j++) {
            char *block = malloc(400);
            CHECK(block);
            memset(block, 1, 400);
        }
        touched += 100 * (size_t)400;
        CHECK((kept[i] = malloc(256 * KIB)));
        touch(kept[i], 0);
        touch(kept[i], 5000);
    }
}

// Only the bytes that realloc copies are touched.
static void resized(void) {
    learn(16 * MIB);
    for (int i = 0; i < 10; i++) {
        CHECK((kept[i] = malloc(5 * MIB)));
        memset(kept[i], 1, 5 * MIB);
        CHECK((kept[i] = realloc(kept[i], 16 * MIB)));
        touched += 5 * MIB;
    }
}

static void (*const loads[])(void) = {two_pages_of_each, zeroed, not_zeroed, behind_dense_ones, beside_small_ones, among_small_ones, resized};

static size_t peak(void) {
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return (size_t)usage.ru_maxrss * KIB;
}

int main(void) {
    served_by_metes();
    for (unsigned i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            size_t before = peak();
            loads[i]();
            size_t most = before + 2 * touched + 4 * MIB;
            printf("load %u: %zu KiB touched, peak %zu KiB more than before\n", i, touched / KIB, (peak() - before) / KIB);
            fflush(stdout);
            check_heap();
            _exit(peak() > most);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid);
        if (status) fprintf(stderr, "load %u has more than twice what it touches\n", i);
        CHECK(status == 0);
    }
    return 0;
}
