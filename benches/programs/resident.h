// What a program has resident, as it sees it itself, and pages of its own. Nothing here allocates.
#ifndef RESIDENT_H
#define RESIDENT_H

#include "bench.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

// A file of /proc as text.
static inline void read_text(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY);
    ssize_t length = file < 0 ? -1 : read(file, text, size - 1);
    require(length > 0, path);
    text[length] = 0;
    close(file);
}

// Quick, but it may lack what each CPU counts by itself, some hundred KiB.
static inline size_t resident_kib(void)
{
    char text[128];
    read_text("/proc/self/statm", text, sizeof text);
    return strtoul(strchr(text, ' '), NULL, 10) * ((size_t)sysconf(_SC_PAGESIZE) / 1024);
}

// Pages of the program's own, all touched, that no allocator sees.
static inline void *pages(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    require(p != MAP_FAILED, "no memory");
    return p;
}

// One point of a series: work done so far, what is resident beyond what was before the first block, and the bytes that live.
static inline void print_sample(size_t work, size_t before_kib, size_t live)
{
    size_t kib = resident_kib();
    printf("sample work=%zu rss_kib=%zu live=%zu\n", work, kib > before_kib ? kib - before_kib : 0, live);
}

#endif
