// With report=path a report goes to that file, with the process id in its name, and nothing to standard error.
// env: METES_OPTIONS=report=./reports-%p.txt,abort=no
#include "check.h"

int main(void) {
    char name[64], text[4096];
    char *p = malloc(100);
    free(p);
    free(opaque(p));
    free(opaque(p));
    snprintf(name, sizeof name, "reports-%d.txt", (int)getpid());
    FILE *file = fopen(name, "r");
    CHECK(file != NULL);
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    remove(name);
    char *first = strstr(text, "metes: M001 double free: free(");
    CHECK(first == text && strstr(first + 1, "\nmetes: M001 double free: free("));
    CHECK(strstr(text, "\nmetes:   in thread "));
    check_heap();
    return 0;
}
