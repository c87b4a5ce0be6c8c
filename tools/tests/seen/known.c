/* Does what each line of standard input says, and answers with a line: a heap of which all is known. */
#include <metes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL = 10000, NAMED = 1000, TAGGED = 100, LARGE = 3, THREADS = 300 };

static void *small[SMALL], *named[NAMED], *tagged[TAGGED], *large[LARGE];
static struct metes_heap *orders;

static void say(const char *text) {
    if (write(1, text, strlen(text)) < 0) _exit(1);
}

/* Unbuffered: stdio would allocate. */
static int line(char *into, int room) {
    int len = 0;
    while (len < room - 1 && read(0, into + len, 1) == 1 && into[len] != '\n') len++;
    into[len] = 0;
    return len;
}

static void *with_cache(void *unused) {
    void *mine[THREADS];
    for (int i = 0; i < THREADS; i++) memset(mine[i] = malloc(48), 1, 48);
    for (int i = 0; i < THREADS; i++) free(mine[i]);
    say("thread\n");
    for (;;) pause();
    return unused;
}

int main(void) {
    char text[64];
    struct metes_heap_options options = {.size = sizeof options, .name = "orders"};
    pthread_t thread;
    free(malloc(1));
    say("ready\n");
    while (line(text, sizeof text)) {
        if (!strcmp(text, "small")) {
            for (int i = 0; i < SMALL; i++) memset(small[i] = malloc(100), 1, 100);
            for (int i = SMALL / 4; i < SMALL / 4 * 3; i++) free(small[i]);
        } else if (!strcmp(text, "named")) {
            orders = metes_heap_new(&options);
            for (int i = 0; i < NAMED; i++) memset(named[i] = metes_heap_malloc(orders, 200), 1, 200);
        } else if (!strcmp(text, "tagged")) {
            metes_tag_push("parsing");
            for (int i = 0; i < TAGGED; i++) memset(tagged[i] = malloc(1000), 1, 1000);
            metes_tag_pop();
        } else if (!strcmp(text, "large")) {
            for (int i = 0; i < LARGE; i++) memset(large[i] = malloc((i + 1) << 20), 1, (i + 1) << 20);
        } else if (!strcmp(text, "thread")) {
            pthread_create(&thread, NULL, with_cache, NULL);
            continue;
        } else if (!strncmp(text, "block ", 6)) {
            if (!metes_heap_malloc(orders, strtoul(text + 6, NULL, 10))) say("no ");
        }
        say(text);
        say("\n");
    }
    return 0;
}
