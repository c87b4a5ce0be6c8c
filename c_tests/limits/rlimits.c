// RLIMIT_AS and RLIMIT_DATA from 64 MiB to 1 GiB are used up with blocks of several sizes. A failure is ENOMEM,
// nothing is lost, and freed memory can be had again.
// cflags: -pthread
// args: some
// soak-args: all
// timeout: 120
#include "check.h"

#include "include/exhaust.h"
#include "include/under.h"

// Blocks have to make up so many percent of what there is. Aligned requests waste some of it.
static const struct mix {
    const char *name;
    sizes kind;
    size_t percent;
    size_t most_mib;
} mixes[] = {
    {"tiny", tiny, 40, 128}, {"small", small, 60, 512}, {"medium", medium, 70, 1024},
    {"large", large, 70, 1024}, {"mixed", mixed, 60, 512}, {"grow", NULL, 0, 1024}, {"threads", NULL, 0, 512},
};

static void use(int resource, size_t limit, const struct mix *mix) {
    struct hoard h = new_hoard();
    size_t room = limit - taken(resource);
    if (mix->kind) {
        use_up_and_recover(&h, mix->kind, room / 100 * mix->percent);
    } else if (!strcmp(mix->name, "grow")) {
        grow_until_null(room / 4);
    } else {
        in_threads();
        use_up_and_recover(&h, small, room / 100 * 40);
    }
    void *block = malloc(room / 2);
    if (!block) fprintf(stderr, "half of it cannot be had at the end\n");
    CHECK(block);
    free(block);
}

int main(int argc, char **argv) {
    static const int resources[] = {RLIMIT_AS, RLIMIT_DATA};
    static const size_t limits[] = {64, 128, 512, 1024};
    // The mixes of the higher limits, unless all are asked for.
    static const char *const chosen[] = {"", "mixed threads", "medium", "large grow"};
    served_by_metes();
    if (argc == 4) {
        use(atoi(argv[1]), (size_t)atoi(argv[2]) * MIB, &mixes[atoi(argv[3])]);
        return 0;
    }
    for (unsigned r = 0; r < 2; r++)
        for (unsigned l = 0; l < 4; l++)
            for (unsigned m = 0; m < sizeof mixes / sizeof mixes[0]; m++) {
                if (limits[l] > mixes[m].most_mib) continue;
                if (l && strcmp(argv[1], "all") && !strstr(chosen[l], mixes[m].name)) continue;
                char resource[12], limit[12], mix[12], what[100];
                snprintf(resource, sizeof resource, "%d", resources[r]);
                snprintf(limit, sizeof limit, "%zu", limits[l]);
                snprintf(mix, sizeof mix, "%u", m);
                snprintf(what, sizeof what, "%s of %zu MiB, %s", r ? "RLIMIT_DATA" : "RLIMIT_AS", limits[l], mixes[m].name);
                char *words[] = {argv[0], resource, limit, mix, NULL};
                fflush(NULL);
                pid_t pid = fork();
                if (pid == 0) start_under(resources[r], limits[l] * MIB, words);
                ends_well(pid, what);
            }
    return 0;
}
