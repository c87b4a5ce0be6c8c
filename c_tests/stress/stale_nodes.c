// A program reads what is in a free block, and writes it back later: each word is one that metes left there at
// another time. Whatever the links then lead to, no walk over them goes on for ever. The child ends by itself, or by
// a report.
// env: METES_OPTIONS=slabs=off,report=/dev/null
// args: 300
// soak-args: 20000
// timeout: 240
#include "check.h"

#include <signal.h>
#include <sys/wait.h>

enum { BLOCKS = 24, NODE = 32, ROUNDS = 60 };

static void *blocks[BLOCKS];
static size_t size_of[BLOCKS];
static int in_use[BLOCKS];

// Allocates a block between two that stay in use, so that it merges with neither.
static void take(int i, uint64_t *random) {
    size_of[i] = 64 + next_random(random) % 30 * 48;
    blocks[i] = malloc(size_of[i]);
    CHECK(blocks[i] && malloc(64));
    in_use[i] = 1;
}

static void child(uint64_t random) {
    unsigned char node[NODE];
    int stale = -1;
    for (int i = 0; i < BLOCKS; i++) take(i, &random);
    for (int round = 0; round < ROUNDS; round++) {
        int i = (int)(next_random(&random) % BLOCKS);
        if (in_use[i]) {
            free(blocks[i]);
            in_use[i] = 0;
        } else if (round % 3 == 0) {
            take(i, &random);
            if (i == stale) stale = -1;
        }
        // Only blocks that are free all the while are written to: another malloc may have taken the others.
        if (round == ROUNDS / 2 && !in_use[i] && stale < 0) {
            stale = i;
            memcpy(node, opaque(blocks[i]), NODE);
        }
    }
    if (stale >= 0 && !in_use[stale]) memcpy(opaque(blocks[stale]), node, NODE);
    for (int k = 0; k < 200; k++) {
        void *block = malloc(64 + next_random(&random) % 1500);
        CHECK(block);
        if (k % 2) free(block);
    }
    for (int i = 0; i < BLOCKS; i++)
        if (in_use[i]) free(blocks[i]);
    _exit(0);
}

int main(int argc, char **argv) {
    long children = argc > 1 ? atol(argv[1]) : 300;
    served_by_metes();
    for (long seed = 1; seed <= children; seed++) {
        int status;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            alarm(100);
            child(0x9e3779b97f4a7c15u * (uint64_t)seed);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        if (!WIFEXITED(status) && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT))
            fprintf(stderr, "seed %ld: status 0x%x\n", seed, (unsigned)status);
        CHECK(WIFEXITED(status) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
    }
    return 0;
}
