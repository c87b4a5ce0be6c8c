// malloc_stats writes mallinfo2's figures to stderr and to nowhere else, and changes nothing.

#include "check.h"

static int redirect(int descriptor) {
    char name[] = "malloc_stats.XXXXXX";
    int file = mkstemp(name);
    CHECK(file >= 0 && unlink(name) == 0 && dup2(file, descriptor) == descriptor);
    return file;
}

// The number behind the nth `name`.
static size_t figure(const char *text, const char *name, int nth) {
    const char *at = text;
    for (int i = 0; i < nth; i++) CHECK((at = strstr(at, name)) && (at += strlen(name)));
    size_t number;
    CHECK(sscanf(at, " = %zu", &number) == 1);
    return number;
}

// The first figures are those of the one arena, the second those of all memory.
static void check_figures(int file) {
    char text[4096] = {0};
    struct mallinfo2 now = mallinfo2();
    CHECK(pread(file, text, sizeof text - 1, 0) > 0);
    CHECK(figure(text, "system bytes    ", 1) == now.arena);
    CHECK(figure(text, "in use bytes    ", 1) == now.uordblks);
    CHECK(figure(text, "system bytes    ", 2) == now.arena + now.hblkhd);
    CHECK(figure(text, "in use bytes    ", 2) == now.uordblks + now.hblkhd);
    CHECK(figure(text, "max mmap regions", 1) >= now.hblks);
    CHECK(figure(text, "max mmap bytes  ", 1) >= now.hblkhd);
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
    check_figures(err);
    close(saved_out);
    close(saved_err);
    close(out);
    close(err);
}

int main(void) {
    served_by_metes();
    free(malloc(100));
    check_written();
    void *block = malloc(1000), *mapping = malloc(40 * MIB);
    CHECK(block && mapping);
    check_written();
    free(block);
    free(mapping);
    check_written();
    check_heap();
}
