// Reads metes_stats, whichever way metes is linked or loaded. Include it after check.h.

#ifndef METES_STATISTICS_H
#define METES_STATISTICS_H

#include "metes.h"

extern size_t metes_stats(struct metes_stats *out, size_t size) __attribute__((weak));

// The weak reference is for metes inside the program itself, as in check.h.
__attribute__((unused)) static struct metes_stats statistics(void) {
    typedef size_t (*function)(struct metes_stats *, size_t);
    static function found;
    struct metes_stats now;
    if (!found) found = (function)(uintptr_t)dlsym(RTLD_DEFAULT, "metes_stats");
    if (!found) found = metes_stats;
    CHECK(found && found(&now, sizeof now) == sizeof now);
    return now;
}

#endif
