// How much address space the process takes.
#ifndef ADDRESS_SPACE_H
#define ADDRESS_SPACE_H

#include "check.h"

// In bytes, without stdio, which would allocate.
__attribute__((unused)) static size_t address_space(void) {
    char text[128] = {0};
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    return strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

#endif
