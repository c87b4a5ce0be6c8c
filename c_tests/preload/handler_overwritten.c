// The word that leads to the handler for lack of memory is overwritten with the address of another function. metes
// does not call that function, and reports the overwriting.
#include "check.h"

#include <signal.h>
#include <sys/wait.h>

#include "include/maps.h"

typedef int handler(size_t bytes);
typedef handler *set_handler(handler *);

static int asked, hijacked;

static int wanted(size_t bytes) { return (void)bytes, asked++, 0; }

static int unwanted(size_t bytes) {
    (void)bytes;
    hijacked = 1;
    _exit(1);
}

enum { DATA_MOST = 16 << 20 };
static char before[DATA_MOST];

// Calls `f` with each writable piece of the library's data, and its place in a copy of the data.
static void for_each_piece(void (*f)(char *start, char *copy, size_t length)) {
    static struct map maps[MAPS_MOST];
    size_t at = 0;
    int count = maps_of_metes(maps);
    for (int i = 0; i < count; i++) {
        if (!maps[i].may_write) continue;
        size_t length = maps[i].end - maps[i].start;
        CHECK(at + length <= DATA_MOST);
        f((char *)maps[i].start, before + at, length);
        at += length;
    }
}

static void copy_piece(char *start, char *copy, size_t length) { memcpy(copy, start, length); }

static void overwrite_changed(char *start, char *copy, size_t length) {
    handler *other = unwanted;
    for (size_t i = 0; i + 8 <= length; i += 8)
        if (memcmp(start + i, copy + i, 8) != 0) memcpy(start + i, &other, 8);
}

static void fail_to_allocate(void) { CHECK(malloc(opaque((size_t)1 << 46)) == NULL); }

int main(void) {
    int status, ends[2];
    char said[1000] = "";
    set_handler *set = (set_handler *)(uintptr_t)dlsym(RTLD_DEFAULT, "metes_set_oom_handler");
    served_by_metes();
    CHECK(set && set(wanted) == NULL);
    fail_to_allocate();
    CHECK(asked == 1);

    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        // The word is what changes when another handler is set.
        for_each_piece(copy_piece);
        set(NULL);
        for_each_piece(overwrite_changed);
        fail_to_allocate();
        _exit(2);
    }
    close(ends[1]);
    CHECK(read(ends[0], said, sizeof said - 1) > 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(strstr(said, "the handler for lack of memory was overwritten") && !hijacked);
    CHECK(set(NULL) == wanted);
    return 0;
}
