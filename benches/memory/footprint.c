// Footprint: the resident memory of a process that holds little, or much in blocks of one size, or has had many
// threads.
//
//     footprint what=nothing|first|few|alive|turns|crowd|throng|gone|child|live [none=1] [size=N] [bytes=N] [count=N]
//
//   nothing    no call at all
//   first      one block of 16 bytes
//   few        one thread: three blocks of each of ten sizes
//   alive      100 threads alive, each with as much
//   turns      1,000 threads one after another, each allocates as much and frees it
//   crowd      the same, 50 alive at a time
//   throng     count= (5,000) threads alive, each with ten blocks of 16 to 133 bytes
//   gone       the same, three seconds after all have freed them and ended
//   child      a child of fork beside eight threads that hold as much: it takes as much itself
//   live       bytes= (1 GiB) in blocks of size= bytes; size=1: of 16 to 1024, every doubling equally likely
//
// none=1 makes the same threads without a block, for what the threads cost by themselves. Printed in KiB, while
// blocks and threads live, are rss=, pss= and dirty= (private) of the whole process, and asked=, the bytes of the
// blocks. ranges= is the number of ranges of memory.
#include "../programs/resident.h"

#include <semaphore.h>
#include <sys/wait.h>

enum { ALIVE = 100, TURNS = 1000, CROWD = 50, BESIDE = 8, EACH = 3, STACK = 64 << 10 };

static const size_t SIZES[] = {16, 32, 48, 100, 200, 500, 1000, 2000, 5000, 10000};
enum { DIFFERENT = sizeof SIZES / sizeof *SIZES };

struct worker {
    pthread_t thread;
    sem_t holds, go;
    size_t asked;
};

static bool none;

static size_t ranges(void)
{
    static char text[1 << 16];
    size_t lines = 0;
    int file = open("/proc/self/maps", O_RDONLY);
    require(file >= 0, "/proc/self/maps");
    for (ssize_t got; (got = read(file, text, sizeof text)) > 0;)
        for (ssize_t i = 0; i < got; i++)
            lines += text[i] == '\n';
    close(file);
    return lines;
}

// Exact figures: the kernel looks at each page.
static void print_footprint(size_t asked)
{
    static const char *const names[] = {"\nRss:", "\nPss:", "\nPrivate_Dirty:"}, *const keys[] = {"rss", "pss", "dirty"};
    char text[4096];
    read_text("/proc/self/smaps_rollup", text, sizeof text);
    char line[256];
    int length = 0;
    for (int i = 0; i < 3; i++) {
        const char *found = strstr(text, names[i]);
        require(found != NULL, names[i]);
        length += snprintf(line + length, sizeof line - (size_t)length, "%s=%zu ", keys[i],
                           strtoul(found + strlen(names[i]), NULL, 10));
    }
    length += snprintf(line + length, sizeof line - (size_t)length, "asked=%zu ranges=%zu\n", asked / 1024, ranges());
    require(write(STDOUT_FILENO, line, (size_t)length) == length, "cannot write");
}

// Writes to all bytes of the blocks. `held` has room for the whole set.
static size_t take_few(void **held)
{
    size_t asked = 0;
    for (int i = 0; i < DIFFERENT * EACH && !none; i++) {
        size_t size = SIZES[i % DIFFERENT];
        held[i] = memset(present(malloc(size)), 1, size);
        asked += size;
    }
    return asked;
}

static void *hold(void *argument)
{
    struct worker *w = argument;
    void *held[DIFFERENT * EACH] = {0};
    w->asked = take_few(held);
    sem_post(&w->holds);
    sem_wait(&w->go);
    for (int i = 0; i < DIFFERENT * EACH; i++)
        free(held[i]);
    return NULL;
}

// Returns when the thread holds its blocks.
static void start(struct worker *w)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    sem_init(&w->holds, 0, 0);
    sem_init(&w->go, 0, 0);
    require(!pthread_create(&w->thread, &attributes, hold, w), "cannot start a thread");
    pthread_attr_destroy(&attributes);
    sem_wait(&w->holds);
}

static void end(struct worker *w)
{
    sem_post(&w->go);
    pthread_join(w->thread, NULL);
}

// Runs so many threads, of which so many live at a time: the oldest ends before the next begins.
static void turns(struct worker *workers, size_t count, size_t alive)
{
    for (size_t i = 0; i < count + alive; i++) {
        if (i >= alive)
            end(&workers[i % alive]);
        if (i < count)
            start(&workers[i % alive]);
    }
}

static pthread_barrier_t all_hold, all_end;

static void *hold_ten(void *argument)
{
    enum { TEN = 10 };
    void *held[TEN] = {0};
    for (size_t i = 0; i < TEN && !none; i++)
        held[i] = memset(present(malloc(16 + 13 * i)), 1, 16 + 13 * i);
    pthread_barrier_wait(&all_hold);
    pthread_barrier_wait(&all_end);
    for (size_t i = 0; i < TEN; i++)
        free(held[i]);
    return argument;
}

// Runs so many threads that live together. Prints the figures while they live, or after they have ended.
static void throng(size_t count, bool alive)
{
    pthread_t *threads = pages(count * sizeof *threads);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_barrier_init(&all_hold, NULL, (unsigned)count + 1);
    pthread_barrier_init(&all_end, NULL, (unsigned)count + 1);
    for (size_t i = 0; i < count; i++)
        require(!pthread_create(&threads[i], &attributes, hold_ten, NULL), "cannot start a thread");
    pthread_barrier_wait(&all_hold);
    if (alive)
        print_footprint(none ? 0 : count * 745);
    pthread_barrier_wait(&all_end);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    if (!alive) {
        sleep(3);
        print_footprint(0);
    }
}

// The child's private pages are those that were copied for it, and those that are new.
static void in_child(struct worker *workers)
{
    void *held[DIFFERENT * EACH];
    for (size_t i = 0; i < BESIDE; i++)
        start(&workers[i]);
    pid_t child = fork();
    require(child >= 0, "cannot fork");
    if (child == 0) {
        print_footprint(take_few(held));
        _exit(0);
    }
    int status;
    require(waitpid(child, &status, 0) == child && status == 0, "the child failed");
    for (size_t i = 0; i < BESIDE; i++)
        end(&workers[i]);
}

// Chains the blocks through their first words, because an array of them would be resident too.
static size_t fill(size_t bytes, size_t size)
{
    uint64_t random = random_seed(0);
    void **last = NULL;
    size_t asked = 0;
    while (asked < bytes) {
        size_t this = size > 1 ? size : random_log(&random, 16, 1024);
        void **block = memset(present(malloc(this)), 1, this);
        *block = last;
        last = block;
        asked += this;
    }
    return asked;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    const char *what = option_word("what", "first");
    none = option_word("none", NULL) != NULL;
    size_t size = option("size", 1), bytes = option_work("bytes", 1 << 30);
    size_t count = option("count", 5000);
    options_end();
    void *held[DIFFERENT * EACH];
    struct worker *workers = pages(ALIVE * sizeof *workers);
    bool threads = !strcmp(what, "alive");
    size_t asked = 0;
    if (!strcmp(what, "first") && !none)
        present(malloc(asked = 16));
    else if (!strcmp(what, "few"))
        asked = take_few(held);
    else if (!strcmp(what, "turns"))
        turns(workers, TURNS, 1);
    else if (!strcmp(what, "crowd"))
        turns(workers, TURNS, CROWD);
    else if (!strcmp(what, "child")) {
        in_child(workers);
        return 0;
    } else if (!strcmp(what, "throng") || !strcmp(what, "gone")) {
        throng(count, *what == 't');
        return 0;
    } else if (!strcmp(what, "live"))
        asked = none ? 0 : fill(bytes, size);
    else if (!threads && strcmp(what, "nothing") && strcmp(what, "first"))
        fail(2, "no such thing: ", what);
    for (size_t i = 0; i < ALIVE && threads; i++) {
        start(&workers[i]);
        asked += workers[i].asked;
    }
    print_footprint(asked);
    for (size_t i = 0; i < ALIVE && threads; i++)
        end(&workers[i]);
    return 0;
}
