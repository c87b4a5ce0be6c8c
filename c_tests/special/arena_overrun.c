// A piece was overrun, and a mark's record with it.
// exit: SIGABRT
// stderr: metes: M005 header overwritten: arena: its own words at 0x[0-9a-f]+ were overwritten
// stdout: a mark was overwritten
#include "check.h"
#include "metes.h"

int main(void) {
    metes_arena *arena = metes_arena_new(NULL);
    char *piece = metes_arena_alloc(arena, 100);
    struct metes_arena_mark mark = metes_arena_mark(arena);
    memset(opaque(piece), 'x', 130);
    puts(metes_arena_check(arena));
    fflush(stdout);
    metes_arena_rewind(arena, mark);
    return 0;
}
