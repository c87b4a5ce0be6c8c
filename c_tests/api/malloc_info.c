// malloc_info writes well-formed XML with the elements that readers of glibc's
// look for.

#include "check.h"

// Every element that is opened is closed, in order. No attribute holds a `>`.
static void check_well_formed(const char *text) {
    char open[32][32];
    int depth = 0;
    for (const char *at = strchr(text, '<'); at; at = strchr(at, '<')) {
        const char *end = strchr(at, '>');
        CHECK(end);
        if (at[1] == '/') {
            CHECK(depth > 0);
            size_t length = strlen(open[--depth]);
            CHECK(strncmp(at + 2, open[depth], length) == 0 && at[2 + length] == '>');
        } else if (at[1] != '?' && end[-1] != '/') {
            size_t length = strcspn(at + 1, " >\n");
            CHECK(depth < 32 && length > 0 && length < sizeof open[0]);
            memcpy(open[depth], at + 1, length);
            open[depth++][length] = '\0';
        }
        at = end;
    }
    CHECK(depth == 0);
}

// The number after `before`, searched from `from` on.
static size_t figure(const char *from, const char *before) {
    const char *at = strstr(from, before);
    size_t number;
    CHECK(at && sscanf(at + strlen(before), "%zu", &number) == 1);
    return number;
}

// Each total is the sum over the arenas, without the mappings.
static void check_figures(const char *text, struct mallinfo2 before, struct mallinfo2 after) {
    static const char *const names[] = {"<total type=\"rest\" count=\"", "<system type=\"current\" size=\"", "<system type=\"max\" size=\"",
                                        "<aspace type=\"total\" size=\""};
    const char *all = text;
    for (const char *end; (end = strstr(all, "</heap>"));) all = end + 1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t sum = 0;
        for (const char *heap = text; (heap = strstr(heap, "<heap nr=")); heap++) sum += figure(heap, names[i]);
        CHECK(figure(all, names[i]) == sum);
    }
    size_t system = figure(all, names[1]), mapped = figure(all, "<total type=\"mmap\" count=\"1\" size=\"");
    CHECK(system >= before.arena && system <= after.arena);
    CHECK(mapped == before.hblkhd && before.hblks == 1);
}

int main(void) {
    served_by_metes();
    void *small = malloc(100), *mapping = malloc(40 * MIB);
    CHECK(small && mapping);

    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    CHECK(stream);
    struct mallinfo2 before = mallinfo2();
    CHECK(malloc_info(0, stream) == 0);
    struct mallinfo2 after = mallinfo2();
    CHECK(fclose(stream) == 0 && length > 0);
    CHECK(strncmp(text, "<malloc version=\"1\">", 20) == 0);
    CHECK(strstr(text, "<heap nr="));
    CHECK(strstr(text, "<system type=\"current\" size="));
    CHECK(strstr(text, "</malloc>"));
    check_well_formed(text);
    check_figures(text, before, after);
    free(text);

    // malloc_info knows no options: it refuses them and writes nothing.
    stream = open_memstream(&text, &length);
    CHECK(stream);
    CHECK(malloc_info(1, stream) == EINVAL);
    CHECK(malloc_info(-1, stream) == EINVAL);
    CHECK(fclose(stream) == 0 && length == 0);
    free(text);
    free(small);
    free(mapping);
    check_heap();
}
