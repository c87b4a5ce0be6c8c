// The statistics as JSON and for Prometheus say what metes_stats says.
#include "check.h"
#include <metes.h>

static char text[16384];

static const char *written(void (*write_to)(int)) {
    int file = open("stats", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0);
    write_to(file);
    ssize_t length = pread(file, text, sizeof text - 1, 0);
    CHECK(length > 0 && close(file) == 0);
    text[length] = 0;
    return text;
}

static void has(const char *all, const char *format, unsigned long value) {
    char part[100];
    snprintf(part, sizeof part, format, value);
    CHECK(strstr(all, part) != NULL);
}

int main(void) {
    struct metes_heap_options options = {.size = sizeof options, .name = "par\"ser"};
    struct metes_heap *heap = metes_heap_new(&options);
    CHECK(metes_heap_malloc(heap, 1000) != NULL);
    void *volatile kept[100];
    for (int i = 0; i < 100; i++) {
        kept[i] = malloc(300000);
    }
    struct metes_stats stats;
    CHECK(metes_stats(&stats, sizeof stats) == sizeof stats && stats.mappings >= 100);

    const char *json = written(metes_stats_json);
    CHECK(json[0] == '{' && strcmp(json + strlen(json) - 2, "}\n") == 0);
    has(json, "{\"malloc_calls\":%lu,", stats.malloc_calls);
    has(json, ",\"mapping_bytes\":%lu,", stats.mapping_bytes);
    has(json, "\"heaps\":[{\"name\":\"parser\",\"number\":1,\"live_bytes\":1008,\"blocks\":%lu,\"held_bytes\":65536}]}", 1);

    const char *prometheus = written(metes_stats_prometheus);
    has(prometheus, "\n# TYPE metes_malloc_calls_total counter\nmetes_malloc_calls_total %lu\n", stats.malloc_calls);
    has(prometheus, "\n# TYPE metes_mappings gauge\nmetes_mappings %lu\n", stats.mappings);
    has(prometheus, "\nmetes_made_heap_live_bytes{heap=\"parser\",number=\"1\"} %lu\n", 1008);
    CHECK(kept[99] != NULL);
    return 0;
}
