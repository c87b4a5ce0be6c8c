// What the kernel knows of the pages at an address. Nothing here allocates.
#ifndef PAGES_H
#define PAGES_H

#include "check.h"

static char smaps[4 << 20];

// Whether the memory map around an address has a flag: `hg` is for huge pages, `nh` for none.
__attribute__((unused)) static int has_flag(const void *address, const char *flag) {
    int file = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got;
    CHECK(file >= 0);
    while ((got = read(file, smaps + length, sizeof smaps - 1 - length)) > 0) length += (size_t)got;
    close(file);
    smaps[length] = 0;
    int inside = 0;
    for (char *line = smaps; line && *line; line = strchr(line, '\n'), line += !!line) {
        unsigned long start, end;
        char *next;
        start = strtoul(line, &next, 16);
        if (*next == '-') {
            end = strtoul(next + 1, &next, 16);
            if (*next == ' ') inside = (uintptr_t)address >= start && (uintptr_t)address < end;
        }
        if (!inside || strncmp(line, "VmFlags:", 8)) continue;
        char *found = strstr(line, flag);
        return found && found < strchr(line, '\n');
    }
    CHECK(!"no memory map has the address");
    return 0;
}

#endif
