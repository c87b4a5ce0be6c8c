// A program closes standard error before it ends, as coreutils do, and still gets the statistics. A program that has
// closed all descriptors and uses their numbers for a file of its own finds nothing written to that file.
// env: METES_OPTIONS=stats=exit
// stderr: metes: served [0-9]+: .*
// stderr: metes: heaps: .*
// stderr: metes: slabs: .*
// stderr: metes: mappings: .*
// stderr: metes: locks: .*
#include "check.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "include/life.h"

static void close_error(void) { close(2); }

// Closes all descriptors, and gives all numbers but 2 to a file.
static void fill_descriptors(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/other-file", getenv("METES_TEST_DIR"));
    for (int fd = 0; fd < 4096; fd++) close(fd);
    CHECK(open(path, O_RDWR | O_CREAT | O_TRUNC, 0644) == 0);
    for (int fd = 1; fd < 1024; fd++)
        if (fd != 2) CHECK(dup2(0, fd) == fd || errno == EBADF || errno == EMFILE);
}

static void nothing_was_written(void) {
    char path[4096];
    struct stat found;
    snprintf(path, sizeof path, "%s/other-file", getenv("METES_TEST_DIR"));
    CHECK(stat(path, &found) == 0 && found.st_size == 0);
    CHECK(unlink(path) == 0);
}

int main(void) {
    int status;
    served_by_metes();
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        fill_descriptors();
        exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    nothing_was_written();
    // The lowest number is free.
    int fd = open("/dev/null", O_RDONLY);
    CHECK(fd == 3);
    CHECK(atexit(close_error) == 0);
    return 0;
}
