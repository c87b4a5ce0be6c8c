// How much memory is resident, and how much of it live blocks need. Only fill_memory allocates.
#ifndef RESIDENT_H
#define RESIDENT_H

#include "check.h"

#include <dirent.h>
#include <time.h>

__attribute__((unused)) static size_t number_in(const char *path, int field) {
    char text[512];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, text, sizeof text - 1);
    CHECK(got > 0);
    close(file);
    text[got] = 0;
    char *at = text;
    while (field--) at = strchr(at, ' ') + 1;
    return strtoul(at, NULL, 10);
}

__attribute__((unused)) static size_t resident(void) {
    return number_in("/proc/self/statm", 1) * (size_t)sysconf(_SC_PAGESIZE);
}

// The number of threads of the process, including those that the libc does not know.
__attribute__((unused)) static size_t tasks(void) { return number_in("/proc/self/stat", 19); }

// Waits, without a call of malloc or free, until at most so many bytes are resident. It may take long on slow
// machines.
__attribute__((unused)) static int shrinks_to(size_t bytes) {
    for (int i = 0; i < 200; i++) {
        if (resident() <= bytes) return 1;
        usleep(100000);
    }
    return 0;
}

enum { BLOCKS = 400000 };
static void *blocks[BLOCKS];
static unsigned char wanted[(size_t)BLOCKS * 256 / 4096 * 4];

// Small blocks of mixed sizes, 53 MB, all of them written.
__attribute__((unused)) static void fill_memory(uint64_t *random) {
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t size = 16 + next_random(random) % 240;
        CHECK(blocks[i] = malloc(size));
        memset(blocks[i], 1, size);
    }
}

// Frees all blocks but one of so many, chosen at random.
__attribute__((unused)) static void free_most(uint64_t *random, size_t one_of) {
    for (size_t i = 0; i < BLOCKS; i++)
        if (!one_of || next_random(random) % one_of) {
            free(blocks[i]);
            blocks[i] = NULL;
        }
}

// Bytes of the pages that a live block reaches into.
__attribute__((unused)) static size_t needed(void) {
    enum { PAGE = 4096, WINDOW = sizeof wanted };
    uintptr_t low = UINTPTR_MAX;
    size_t pages = 0;
    for (size_t i = 0; i < BLOCKS; i++)
        if (blocks[i] && (uintptr_t)blocks[i] < low) low = (uintptr_t)blocks[i];
    for (size_t i = 0; i < BLOCKS; i++) {
        if (!blocks[i]) continue;
        uintptr_t first = ((uintptr_t)blocks[i] - low / PAGE * PAGE) / PAGE;
        uintptr_t last = ((uintptr_t)blocks[i] + malloc_usable_size(blocks[i]) - 1 - low / PAGE * PAGE) / PAGE;
        for (uintptr_t page = first; page <= last; page++) {
            if (page >= WINDOW) { // far away: counted for itself
                pages++;
                continue;
            }
            pages += !wanted[page];
            wanted[page] = 1;
        }
    }
    return pages * PAGE;
}

#endif
