// Reads the raw file of a recorded process: see docs/design/trace.md.
#pragma once

#include "check.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MALLOC = 1, CALLOC, ALIGNED, NEW, REALLOC, FREE, DELETE };
enum { CHUNK = 64 << 10 };

struct raw_head {
    char magic[16];
    uint64_t version, pid, chunks, ticks, monotonic, real, shift, ended, missed, stopped, frames, maps;
};

struct raw_chunk {
    uint32_t kind, thread, turn, closed;
    uint64_t bytes, began[2], ended[2], spare;
    uint64_t words[];
};

struct call {
    int kind, align;
    uint64_t at, size, old;
};

struct raw_trace {
    char name[64];
    const struct raw_head *head;
};

struct cursor {
    const struct raw_trace *trace;
    int thread;
    uint64_t chunk, word;
    struct call call;
    uint64_t ticks;
    uint32_t stack;
};

static inline const struct raw_chunk *raw_chunk(const struct raw_trace *trace, uint64_t index) {
    return (const struct raw_chunk *)((const char *)trace->head + CHUNK * (index + 1));
}

static inline struct raw_trace raw_open(int pid) {
    struct raw_trace trace;
    snprintf(trace.name, sizeof trace.name, "recorded-%d.raw", pid);
    int fd = open(trace.name, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    CHECK(fd >= 0 && fstat(fd, &stat) == 0);
    void *file = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(file != MAP_FAILED && close(fd) == 0);
    trace.head = file;
    CHECK(memcmp(trace.head->magic, "metes trace raw\n", 16) == 0 && trace.head->version == 1);
    CHECK(trace.head->pid == (uint64_t)pid && (trace.head->chunks + 1) * CHUNK <= (uint64_t)stat.st_size);
    return trace;
}

static inline struct cursor raw_first(const struct raw_trace *trace, int thread) {
    return (struct cursor){.trace = trace, .thread = thread};
}

// Goes to the next call of the cursor's thread; false at the end.
static inline int raw_next(struct cursor *cursor) {
    for (; cursor->chunk < cursor->trace->head->chunks; cursor->chunk++, cursor->word = 0) {
        const struct raw_chunk *chunk = raw_chunk(cursor->trace, cursor->chunk);
        if (chunk->kind != 1 || (int)chunk->thread != cursor->thread) continue;
        if (cursor->word == 0) cursor->ticks = chunk->began[0];
        while (cursor->word < chunk->bytes / 8) {
            const uint64_t *words = &chunk->words[cursor->word];
            uint64_t address = words[0] & ((1UL << 48) - 1);
            int kind = (int)(words[0] >> 48 & 15);
            if (kind == 0) {
                cursor->ticks += address;
                cursor->word++;
                continue;
            }
            cursor->ticks += words[0] >> 52;
            cursor->call = (struct call){.kind = kind, .at = address};
            cursor->stack = 0;
            if (kind >= FREE) {
                cursor->word++;
                return 1;
            }
            cursor->call.size = words[1] & ((1UL << 40) - 1);
            cursor->call.align = (int)(words[1] >> 40 & 255);
            cursor->word += 2;
            if (kind == REALLOC) cursor->call.old = chunk->words[cursor->word++];
            if (cursor->trace->head->frames) cursor->stack = (uint32_t)chunk->words[cursor->word++];
            return 1;
        }
    }
    return 0;
}

static inline int same_call(const struct call *a, const struct call *b) {
    return a->kind == b->kind && a->at == b->at && a->size == b->size && a->align == b->align && a->old == b->old;
}

// Whether a stack is in the file, with at least one frame.
static inline int raw_has_stack(const struct raw_trace *trace, uint32_t number) {
    for (uint64_t i = 0; i < trace->head->chunks; i++) {
        const struct raw_chunk *chunk = raw_chunk(trace, i);
        if (chunk->kind != 2) continue;
        for (uint64_t word = 0; word < chunk->bytes / 8; word += 1 + (chunk->words[word] >> 32))
            if ((uint32_t)chunk->words[word] == number) return chunk->words[word] >> 32 != 0;
    }
    return 0;
}
