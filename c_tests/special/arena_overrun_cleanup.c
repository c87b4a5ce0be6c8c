// A piece was overrun, and a cleanup with it: it is not called.
// exit: SIGABRT
// stderr: metes: M005 header overwritten: arena: its own words at 0x[0-9a-f]+ were overwritten
// stdout: a cleanup was overwritten
#include "check.h"
#include "metes.h"

static void cleanup(void *argument) { (void)argument; puts("called"); }

int main(void) {
    metes_arena *arena = metes_arena_new(NULL);
    char *piece = metes_arena_alloc(arena, 100);
    CHECK(metes_arena_on_reset(arena, cleanup, NULL) == 0);
    *(uint64_t *)(void *)(opaque(piece) + 120) ^= 0x1000;
    puts(metes_arena_check(arena));
    fflush(stdout);
    metes_arena_reset(arena);
    return 0;
}
