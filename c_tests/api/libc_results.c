// libc's own functions allocate, and their callers free: both must use the same allocator.

#include "check.h"
#include <dirent.h>
#include <glob.h>
#include <locale.h>
#include <regex.h>
#include <search.h>
#include <wchar.h>

static void strings(void) {
    char *copy = strdup("metes"), *part = strndup("metes and bounds", 9);
    CHECK(copy && part && !strcmp(copy, "metes") && !strcmp(part, "metes and"));
    char *text = NULL;
    CHECK(asprintf(&text, "%s/%0500d", copy, 7) == 506 && strlen(text) == 506);
    CHECK(malloc_usable_size(text) >= 507);
    wchar_t *wide = wcsdup(L"bounds");
    CHECK(wide && !wcscmp(wide, L"bounds"));
    free(copy);
    free(part);
    free(text);
    free(wide);
}

static void paths(void) {
    char *absolute = realpath(".", NULL), *here = getcwd(NULL, 0);
    char *exact = getcwd(NULL, 8192), *name = get_current_dir_name();
    char *canonical = canonicalize_file_name("/proc/self/../self");
    CHECK(absolute && here && exact && name && canonical);
    CHECK(!strcmp(absolute, here) && !strcmp(here, exact));
    free(absolute);
    free(here);
    free(exact);
    free(name);
    free(canonical);

    struct dirent **entries;
    int count = scandir("/proc/self", &entries, NULL, alphasort);
    CHECK(count > 10);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);

    DIR *folder = opendir("/proc");
    CHECK(folder && readdir(folder) && closedir(folder) == 0);
    glob_t found;
    CHECK(glob("/proc/self/*a*", 0, NULL, &found) == 0 && found.gl_pathc > 0);
    globfree(&found);
}

static void streams(void) {
    FILE *file = fopen("/proc/self/maps", "r");
    CHECK(file);
    char *line = NULL;
    size_t room = 0, lines = 0;
    while (getline(&line, &room, file) >= 0)
        lines++;
    CHECK(lines > 5 && malloc_usable_size(line) >= room);
    free(line);
    // The caller's own buffer, which getdelim enlarges.
    rewind(file);
    line = (char *)malloc(1);
    room = 1;
    CHECK(getdelim(&line, &room, 'x', file) > 0 && room > 1);
    free(line);
    fclose(file);

    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    CHECK(memory);
    for (int i = 0; i < 20000; i++)
        fprintf(memory, "%05d\n", i);
    CHECK(fclose(memory) == 0 && length == 120000 && !strcmp(text + length - 6, "19999\n"));
    free(text);
}

static void count_word(void *word) {
    free(word);
}

static void tables(void) {
    regex_t pattern;
    regmatch_t match[3];
    CHECK(regcomp(&pattern, "^(a|b)*([0-9]{2,5})x?", REG_EXTENDED) == 0);
    CHECK(regexec(&pattern, "abab1234x", 3, match, 0) == 0 && match[2].rm_so == 4);
    regfree(&pattern);

    void *tree = NULL;
    for (int i = 0; i < 1000; i++) {
        char *word = NULL;
        CHECK(asprintf(&word, "%d", i * 7919 % 1000) > 0);
        CHECK(tsearch(word, &tree, (int (*)(const void *, const void *))strcmp));
    }
    tdestroy(tree, count_word);

    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof name, "METES_VARIABLE_%d", i % 50);
        CHECK(setenv(name, i % 2 ? "one value" : "another and a longer one", 1) == 0);
        CHECK(getenv(name));
    }
    locale_t locale = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
    if (locale)
        freelocale(locale);
    void *self = dlopen(NULL, RTLD_NOW);
    CHECK(self && dlclose(self) == 0);
    CHECK(!dlopen("libthere_is_no_such_thing.so", RTLD_NOW) && dlerror());
}

int main(void) {
    served_by_metes();
    for (int round = 0; round < 20; round++) {
        strings();
        paths();
        streams();
        tables();
    }
    check_heap();
}
