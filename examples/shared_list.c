/* shared_list: a free list in memory that two processes share. Parent and child exchange strings through it: what the one allocates the other frees. The
   child has the memory at another address, so all that they tell each other is offsets.

   cc -I include -o shared_list examples/shared_list.c -lmetes -lpthread && ./shared_list */
#define _GNU_SOURCE
#include <metes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIST_BYTES = 64 << 10, STRINGS = 1000 };

struct message {
    size_t next; /* an offset, as is all that stands in the shared memory */
    char text[];
};

/* What stands before the list: a lock between processes, and a queue in each direction. */
struct shared {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t first[2];
    _Alignas(64) unsigned char list[LIST_BYTES];
};

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void lock(struct shared *shared) {
    metes_freelist *list = (metes_freelist *)shared->list;
    /* Another process has died with the lock. If it was inside the list that is made whole. */
    if (pthread_mutex_lock(&shared->lock) != 0) {
        pthread_mutex_consistent(&shared->lock);
        if (metes_freelist_unfinished(list) && metes_freelist_recover(list) != 0) die("recover");
    }
}

static void push(struct shared *shared, int queue, const char *text) {
    metes_freelist *list = (metes_freelist *)shared->list;
    struct message *message;
    lock(shared);
    while (!(message = metes_freelist_malloc(list, sizeof *message + strlen(text) + 1)))
        pthread_cond_wait(&shared->changed, &shared->lock); /* until the other side has freed some */
    strcpy(message->text, text);
    message->next = shared->first[queue];
    shared->first[queue] = metes_freelist_offset(list, message);
    pthread_cond_broadcast(&shared->changed);
    pthread_mutex_unlock(&shared->lock);
}

static void pop(struct shared *shared, int queue, char *text, size_t size) {
    metes_freelist *list = (metes_freelist *)shared->list;
    lock(shared);
    while (!shared->first[queue]) pthread_cond_wait(&shared->changed, &shared->lock);
    struct message *message = metes_freelist_pointer(list, shared->first[queue]);
    shared->first[queue] = message->next;
    snprintf(text, size, "%s", message->text);
    metes_freelist_free(list, message);
    pthread_cond_broadcast(&shared->changed);
    pthread_mutex_unlock(&shared->lock);
}

static struct shared *map(int fd) {
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED) die("mmap");
    return shared;
}

/* Sends each string back, in capitals. */
static void child(int fd) {
    struct shared *shared = map(fd);
    if (!metes_freelist_attach(shared->list, LIST_BYTES)) die("attach");
    for (int i = 0; i < STRINGS; i++) {
        char text[256];
        pop(shared, 0, text, sizeof text);
        for (char *c = text; *c; c++)
            if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
        push(shared, 1, text);
    }
}

int main(void) {
    int fd = memfd_create("list", 0);
    if (fd < 0 || ftruncate(fd, sizeof(struct shared)) != 0) die("memfd_create");
    struct shared *shared = map(fd);
    pthread_mutexattr_t mutex;
    pthread_condattr_t condition;
    pthread_mutexattr_init(&mutex);
    pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->lock, &mutex);
    pthread_condattr_init(&condition);
    pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&shared->changed, &condition);
    struct metes_freelist_options options = {.size = sizeof options, .shared = 1};
    metes_freelist *list = metes_freelist_init(shared->list, LIST_BYTES, &options);
    if (!list) die("init");

    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        child(fd);
        _exit(0);
    }
    size_t bytes = 0;
    for (int i = 0; i < STRINGS; i++) {
        char text[256];
        snprintf(text, sizeof text, "string number %d%.*s", i, i % 200, "................................................................"
                 "................................................................................................................................");
        push(shared, 0, text);
        pop(shared, 1, text, sizeof text);
        bytes += strlen(text);
        if (i == STRINGS - 1) printf("%.17s %d\n", text, i);
    }
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0) die("child");
    struct metes_freelist_stats stats;
    metes_freelist_stats(list, &stats, sizeof stats);
    const char *broken = metes_freelist_check(list);
    printf("%d strings, %zu bytes, came back; %zu blocks are left, the list is %s\n", STRINGS, bytes, stats.blocks, broken ? broken : "whole");
    return broken || stats.blocks != 0;
}
