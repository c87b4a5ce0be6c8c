// The memory maps of metes' library: those of its file, and the anonymous ones behind them, which are its zeroed
// data.
#ifndef MAPS_H
#define MAPS_H

#include "check.h"

#include <link.h>

enum { MAPS_MOST = 400 };

struct map {
    uintptr_t start, end;
    int may_read, may_write, may_execute, is_named;
    char name[128];
};

// All memory maps of the process, in address order. Without stdio, which allocates.
__attribute__((unused)) static int maps_of_process(struct map *maps) {
    static char text[128 * 1024];
    size_t length = 0;
    ssize_t got;
    int count = 0, fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    while ((got = read(fd, text + length, sizeof text - 1 - length)) > 0) length += (size_t)got;
    close(fd);
    text[length] = '\0';
    for (char *line = text; *line && count < MAPS_MOST;) {
        struct map *m = &maps[count++];
        char rights[5];
        memset(m, 0, sizeof *m);
        CHECK(sscanf(line, "%lx-%lx %4s %*s %*s %*s%*[ ]%127[^\n]", &m->start, &m->end, rights, m->name) >= 3);
        m->may_read = rights[0] == 'r';
        m->may_write = rights[1] == 'w';
        m->may_execute = rights[2] == 'x';
        m->is_named = m->name[0] != '\0';
        line = strchr(line, '\n') + 1;
    }
    return count;
}

// Finds the end of the library's segments: what the system maps right behind them is not the library's.
__attribute__((unused)) static int end_of_metes(struct dl_phdr_info *info, size_t size, void *end) {
    (void)size;
    if (!strstr(info->dlpi_name, "/libmetes.so")) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t segment = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && segment > *(uintptr_t *)end) *(uintptr_t *)end = segment;
    }
    return 1;
}

// Moves the maps of metes to the front, and returns how many there are.
__attribute__((unused)) static int maps_of_metes(struct map *maps) {
    int count = maps_of_process(maps), ours = 0;
    uintptr_t end = 0;
    CHECK(dl_iterate_phdr(end_of_metes, &end) == 1);
    for (int i = 0; i < count; i++) {
        if (maps[i].start >= end || (!ours && !strstr(maps[i].name, "/libmetes.so"))) continue;
        maps[ours] = maps[i];
        if (maps[ours].end > end) maps[ours].end = end;
        ours++;
    }
    CHECK(ours >= 5);
    return ours;
}

#endif
