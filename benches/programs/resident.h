// The program's own resident memory, and pages that no allocator sees. Nothing here allocates.
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

// Quick, but it may lack some hundred KiB that each CPU counts by itself.
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

// Prints one point of a series: the work done so far, the memory resident beyond that before the first block, and
// the live bytes.
static inline void print_sample(size_t work, size_t before_kib, size_t live)
{
    size_t kib = resident_kib();
    printf("sample work=%zu rss_kib=%zu live=%zu\n", work, kib > before_kib ? kib - before_kib : 0, live);
}

#endif
