// malloc_stats writes something to stderr and to nowhere else, and changes nothing.

#include "check.h"

static int redirect(int descriptor) {
    char name[] = "malloc_stats.XXXXXX";
    int file = mkstemp(name);
    CHECK(file >= 0 && unlink(name) == 0 && dup2(file, descriptor) == descriptor);
    return file;
}

static void check_written(void) {
    int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
    CHECK(saved_out >= 0 && saved_err >= 0);
    int out = redirect(STDOUT_FILENO), err = redirect(STDERR_FILENO);
    malloc_stats();
    fflush(NULL);
    dup2(saved_out, STDOUT_FILENO);
    dup2(saved_err, STDERR_FILENO);
    CHECK(lseek(err, 0, SEEK_END) > 0);
    CHECK(lseek(out, 0, SEEK_END) == 0);
    close(saved_out);
    close(saved_err);
    close(out);
    close(err);
}

int main(void) {
    served_by_metes();
    check_written();
    void *block = malloc(1000), *mapping = malloc(40 * MIB);
    CHECK(block && mapping);
    check_written();
    free(block);
    free(mapping);
    check_written();
    check_heap();
}
