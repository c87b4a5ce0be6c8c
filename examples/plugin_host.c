/* plugin_host: a program that loads plug-ins, which it does not trust with its memory. A plug-in calls malloc as any
 * code does. The host enters the plug-in's own heap before it calls the plug-in, so all that this allocates, also
 * through the C library, is there: it can be counted, is bounded, and goes with the heap when the plug-in is unloaded,
 * whatever it has leaked. A pointer of a plug-in that is used after that is reported by the plug-in's name.
 *
 *     cc -shared -fPIC -o plugin_leaks.so examples/plugin_leaks.c
 *     cc -shared -fPIC -o plugin_greedy.so examples/plugin_greedy.c
 *     cc -O2 examples/plugin_host.c -o plugin_host $(pkg-config --cflags --libs metes) -ldl
 *     ./plugin_host ./plugin_leaks.so ./plugin_greedy.so
 */
#define _GNU_SOURCE
#include "plugin_api.h"
#include <dlfcn.h>
#include <metes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 1 << 20, CALLS = 100 };

struct plugin {
    const char *name;
    metes_heap *heap;
    void *library;
    char *(*run)(const char *input);
};

#define REQUIRE(what) ((what) ? (void)0 : fail(#what, __LINE__))

static void fail(const char *what, int line) {
    fprintf(stderr, "plugin_host: line %d: %s\n", line, what);
    exit(1);
}

/* The loader keeps what it allocates as long as it likes: it is not called inside the heap. */
static int load(struct plugin *plugin, const char *path) {
    const char *slash = strrchr(path, '/');
    plugin->name = slash ? slash + 1 : path;
    plugin->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!plugin->library) return 0;
    plugin->run = (char *(*)(const char *))dlsym(plugin->library, "plugin_run");
    struct metes_heap_options options = {.size = sizeof options, .name = plugin->name, .limit = LIMIT};
    plugin->heap = plugin->run ? metes_heap_new(&options) : NULL;
    return plugin->heap != NULL;
}

static char *call(struct plugin *plugin, const char *input) {
    REQUIRE(metes_heap_enter(plugin->heap) == 0);
    char *output = plugin->run(input);
    REQUIRE(metes_heap_leave(plugin->heap) == 0);
    return output;
}

static void unload(struct plugin *plugin) {
    struct metes_heap_stats stats;
    REQUIRE(metes_heap_check(plugin->heap) == NULL);
    REQUIRE(metes_heap_stats(plugin->heap, &stats, sizeof stats) == sizeof stats && stats.peak <= LIMIT);
    printf("%s: unloaded, with %zu blocks that it leaked\n", plugin->name, stats.blocks);
    dlclose(plugin->library);
    metes_heap_destroy(plugin->heap);
}

/* A child does something with a pointer of a plug-in that is gone. What it says before it ends is shown. */
static void show_late(const char *what, void (*use)(char *), char *late) {
    int out[2], status;
    char report[500] = "";
    ssize_t more;
    size_t have = 0;
    REQUIRE(pipe(out) == 0);
    fflush(stdout);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        dup2(out[1], STDERR_FILENO);
        use(late);
        _exit(0);
    }
    close(out[1]);
    while (have < sizeof report - 1 && (more = read(out[0], report + have, sizeof report - 1 - have)) > 0) {
        have += (size_t)more;
    }
    close(out[0]);
    REQUIRE(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    report[strcspn(report, "\n")] = '\0';
    printf("%s: signal %d, %s\n", what, WTERMSIG(status), report);
}

static void free_it(char *late) { free(late); }

static void read_it(char *late) { putchar(*(volatile char *)late); }

static void run(const char *path) {
    struct plugin plugin = {0};
    if (!load(&plugin, path)) {
        fprintf(stderr, "plugin_host: %s\n", plugin.library ? "no plug-in, or no memory" : dlerror());
        exit(1);
    }
    char *kept = NULL, first[200] = "";
    for (int i = 0; i < CALLS; i++) {
        char *output = call(&plugin, "a text for the plug-in");
        if (!output) continue; /* it was at its limit: the host goes on */
        /* What the plug-in returned is in its heap. Plain free, of the host's, gives it back. */
        REQUIRE(metes_heap_of(output) == plugin.heap);
        if (!kept) snprintf(first, sizeof first, "%s", output);
        free(kept);
        kept = output;
    }
    printf("%s: %s\n", plugin.name, first);
    /* The plug-in's memory is its own: the host still has as much as it wants. */
    void *own = malloc(10 * LIMIT);
    REQUIRE(own && metes_heap_of(own) == NULL);
    free(own);
    unload(&plugin);
    if (!kept) return;
    show_late("freed late", free_it, kept);
    show_late("read late", read_it, kept);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2) {
        fprintf(stderr, "plugin_host PLUGIN.so...\n");
        return 2;
    }
    for (int i = 1; i < argc; i++) run(argv[i]);
    REQUIRE(metes_check() == NULL);
    printf("%d plug-ins are gone, and the heap is whole\n", argc - 1);
    return 0;
}
