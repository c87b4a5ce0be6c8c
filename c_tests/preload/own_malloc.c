// A program brings its own malloc, calloc, realloc and free. They win over the preloaded ones, for the libc's calls
// as well. The preloaded library works although its own are never called.
#include "check.h"

static _Alignas(16) char pool[1 << 22];
static size_t used;

static size_t *size_of(void *p) { return (size_t *)p - 2; }

void *malloc(size_t size) {
    size_t room = ((size + 15) & ~(size_t)15) + 16;
    if (size > sizeof pool || used + room > sizeof pool) return NULL;
    void *p = pool + used + 16;
    used += room;
    *size_of(p) = size;
    return p;
}

void free(void *p) { CHECK(!p || ((char *)p >= pool && (char *)p < pool + sizeof pool)); }

void *calloc(size_t count, size_t size) {
    void *p = malloc(count * size);
    return p ? memset(p, 0, count * size) : NULL;
}

void *realloc(void *p, size_t size) {
    void *moved = malloc(size);
    if (moved && p) memcpy(moved, p, *size_of(p) < size ? *size_of(p) : size);
    return moved;
}

int main(void) {
    char *line = NULL;
    CHECK(asprintf(&line, "%d of a kind", 4) == 11);
    CHECK(line >= pool && line < pool + sizeof pool);
    free(line);
    FILE *file = fopen("/proc/self/maps", "r");
    CHECK(file);
    fclose(file);
    void *library = dlopen("libm.so.6", RTLD_NOW);
    CHECK(library && dlclose(library) == 0);
    check_heap();
    return 0;
}
