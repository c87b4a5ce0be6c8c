// The file of a recording cannot grow: that is said once, the program goes on, and what was recorded is there.
// ways: so preload
// env: METES_OPTIONS=trace=recorded-full-%p.raw
// stderr: metes: the trace ends here: its file cannot grow
#include "check.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

int main(void) {
    const struct rlimit limit = {1 << 20, 1 << 20};
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    for (int i = 0; i < 200000; i++) {
        char *volatile p = malloc(100);
        CHECK(p);
        free(p);
    }
    char name[64];
    snprintf(name, sizeof name, "recorded-full-%d.raw", getpid());
    int fd = open(name, O_RDONLY);
    uint64_t head[14];
    CHECK(fd >= 0 && read(fd, head, sizeof head) == sizeof head);
    // Fifteen chunks, and one that there was no room for.
    CHECK(head[4] == 16 && head[11] == 1);
    CHECK(close(fd) == 0 && unlink(name) == 0);
    return 0;
}
