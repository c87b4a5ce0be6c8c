// A trivial audit library: ld.so loads it, with a libc of its own, into a namespace of its own.
#define _GNU_SOURCE
#include <link.h>
#include <stdlib.h>

unsigned int la_version(unsigned int version) {
    free(malloc(100));
    return version < LAV_CURRENT ? version : LAV_CURRENT;
}

unsigned int la_objopen(struct link_map *map, Lmid_t id, uintptr_t *cookie) {
    (void)map;
    (void)id;
    (void)cookie;
    free(malloc(1000));
    return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}
