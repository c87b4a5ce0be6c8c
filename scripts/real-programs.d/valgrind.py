"""valgrind: a small program stays clean, with memcheck's malloc in front of metes and with metes' own"""

NEEDS = {"valgrind": "valgrind", "gcc": "gcc", "/usr/include/stdlib.h": "libc6-dev"}

SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    enum { SLOTS = 500 };
    char *slot[SLOTS] = { 0 };
    unsigned state = 1, sum = 0;
    for (int n = 0; n < 100000; n++) {
        state = state * 1103515245u + 12345u;
        unsigned k = (state >> 16) % SLOTS, size = (state >> 8) % 3000 + 1;
        void *aligned = NULL;
        switch (n % 4) {
        case 0: free(slot[k]); slot[k] = calloc(1, size); sum += slot[k][size - 1]; break;
        case 1: free(slot[k]); slot[k] = malloc(size); break;
        case 2: slot[k] = realloc(slot[k], size); break;
        case 3:
            if (posix_memalign(&aligned, 256, size))
                return 1;
            free(slot[k]);
            slot[k] = aligned;
        }
        memset(slot[k], n, size);
        sum += (unsigned char)slot[k][size / 2];
    }
    for (int k = 0; k < SLOTS; k++)
        free(slot[k]);
    printf("%u\\n", sum);
    return 0;
}
"""


def load(run):
    run.write("small.c", SOURCE)
    run.call(["gcc", "-g", "-O1", "small.c", "-o", "small"])
    memcheck = ["valgrind", "-q", "--leak-check=full", "--show-leak-kinds=all", "--error-exitcode=9"]
    # Memcheck's malloc takes the place of metes', which then has nothing to report. Its mapping is the proof.
    process = run.start([*memcheck, "./small"])
    run.wait_until(process, lambda: run.mapped(process))
    run.finish(process, compare=True, calls=None)
    # Here memcheck leaves metes' own malloc in place.
    run.call([*memcheck, "--soname-synonyms=somalloc=nouserintercepts", "./small"])
