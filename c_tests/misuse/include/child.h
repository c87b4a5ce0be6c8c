// Runs a misuse in a child process and returns what it said: for programs that try every bit, or check the numbers
// of a report.
#ifndef CHILD_H
#define CHILD_H

#include "check.h"

#include <signal.h>
#include <sys/wait.h>

struct ending {
    int status;
    char said[16384];
};

typedef void misuse(void *p, uint64_t how);

__attribute__((unused)) static struct ending child_that(misuse *does, void *p, uint64_t how) {
    struct ending end = {0, ""};
    size_t length = 0;
    ssize_t got;
    int pipe_ends[2];
    CHECK(pipe(pipe_ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(pipe_ends[1], STDERR_FILENO);
        does(p, how);
        _exit(0);
    }
    close(pipe_ends[1]);
    while ((got = read(pipe_ends[0], end.said + length, sizeof end.said - 1 - length)) > 0) length += (size_t)got;
    close(pipe_ends[0]);
    CHECK(waitpid(child, &end.status, 0) == child);
    return end;
}

__attribute__((unused)) static int aborted(const struct ending *end) {
    return WIFSIGNALED(end->status) && WTERMSIG(end->status) == SIGABRT;
}

// Whether there is one report, with this beginning. The lines behind its first are detail.
__attribute__((unused)) static int said(const struct ending *end, const char *beginning) {
    const char *line_end = strchr(end->said, '\n');
    if (!line_end || strncmp(end->said, beginning, strlen(beginning)) != 0) return 0;
    for (; line_end && line_end[1]; line_end = strchr(line_end + 1, '\n')) {
        if (strncmp(line_end + 1, "metes:   ", 9) != 0) return 0;
    }
    return 1;
}

#endif
