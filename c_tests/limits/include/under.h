// For programs that start themselves again under a lower limit.
#ifndef UNDER_H
#define UNDER_H

#include "check.h"

#include <sys/resource.h>
#include <sys/wait.h>

// The bytes of address space, or of private writable memory, that the process has.
__attribute__((unused)) static size_t taken(int resource) {
    char text[128] = {0};
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0);
    close(file);
    char *at = text;
    if (resource == RLIMIT_DATA)
        for (int i = 0; i < 5; i++) at = strchr(at, ' ') + 1;
    return strtoul(at, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

// Runs the program again under the limit, with these arguments. Does not return.
__attribute__((unused)) static void start_under(int resource, size_t limit, char **argv) {
    struct rlimit both = {limit, limit};
    CHECK(setrlimit(resource, &both) == 0);
    execv("/proc/self/exe", argv);
    CHECK(!"exec");
}

// Waits for a child, which has to end with status 0.
__attribute__((unused)) static void ends_well(pid_t pid, const char *what) {
    int status;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    if (status != 0) fprintf(stderr, "%s: status %#x\n", what, status);
    CHECK(status == 0);
}

#endif
