// Memory is locked by mlockall. Pages can be given back only with their addresses, and with MCL_FUTURE a mapping is
// resident at once or is refused. Giving back fails softly, the limit is what may be locked, and small programs take
// not much more than without.
// cflags: -pthread
// needs: locked-memory
// timeout: 120
#include "check.h"
#include "statistics.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "include/exhaust.h"
#include "include/under.h"

static size_t locked_kib(void) {
    static char text[4096];
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    ssize_t got = read(file, text, sizeof text - 1);
    CHECK(got > 0);
    text[got] = 0;
    close(file);
    char *line = strstr(text, "VmLck:");
    CHECK(line);
    return strtoul(line + 6, NULL, 10);
}

// Gives up the right to lock more than the limit.
static void give_up_right(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    CHECK(syscall(SYS_capget, &header, data) == 0);
    for (int i = 0; i < 2; i++) data[i].inheritable = 0;
    data[0].effective &= ~(1u << CAP_IPC_LOCK);
    data[0].permitted &= ~(1u << CAP_IPC_LOCK);
    CHECK(syscall(SYS_capset, &header, data) == 0);
}

static void *one_block(void *arg) {
    free(malloc(100));
    return arg;
}

static void a_life(void) {
    enum { BLOCKS = 4000 };
    static unsigned char *blocks[BLOCKS];
    uint64_t random = 88172645463325252u;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            size_t size = i % 50 == 0 ? large(&random) : i % 9 == 0 ? medium(&random) : small(&random);
            CHECK((blocks[i] = calloc(1, size)));
            CHECK(all_bytes_are(blocks[i], size, 0));
            memset(blocks[i], 1, size);
        }
        for (int i = 0; i < BLOCKS; i++) {
            if (i % 50 == 0) CHECK((blocks[i] = realloc(blocks[i], 5 * MIB)));
            free(blocks[i]);
        }
        malloc_trim(0);
        check_heap();
    }
}

int main(int argc, char **argv) {
    struct rlimit limit;
    served_by_metes();
    if (argc > 1) {
        // 100 MiB may be locked.
        struct hoard h = new_hoard();
        give_up_right();
        CHECK(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
        size_t room = 100 * MIB - locked_kib() * KIB;
        use_up_and_recover(&h, small, room / 2);
        use_up_and_recover(&h, medium, room / 2);
        use_up_and_recover(&h, large, room / 2);
        grow_until_null(room / 5);
        return 0;
    }
    // This part needs a hard limit of at least 100 MiB.
    CHECK(getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    if (limit.rlim_max >= 100 * MIB) {
        pid_t pid = fork();
        char *words[] = {argv[0], (char *)"small", NULL};
        if (pid == 0) start_under(RLIMIT_MEMLOCK, 100 * MIB, words);
        ends_well(pid, "100 MiB of locked memory");
    }
    CHECK(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
    size_t before = locked_kib();
    free(malloc(100));
    size_t first = locked_kib() - before;
    pthread_t thread;
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 64 * KIB) == 0);
    CHECK(pthread_create(&thread, &attributes, one_block, NULL) == 0 && pthread_join(thread, NULL) == 0);
    size_t second = locked_kib() - before - first;
    printf("locked: %zu KiB before, %zu more with the first block, %zu with a thread\n", before, first, second);
    CHECK(first + second < 8 * KIB);
    a_life();
    CHECK(statistics().heap_live < 64 * KIB);
    // Most of the memory has gone back.
    size_t left = locked_kib() - before;
    printf("%zu KiB left\n", left);
    CHECK(left < 64 * KIB);
    return 0;
}
