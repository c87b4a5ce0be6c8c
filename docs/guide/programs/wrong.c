/* wrong twice|inside|stack|late: frees what it should not, or writes where it should not. */
#include <stdlib.h>
#include <string.h>

int main(int n, char **a) {
    const char *what = n > 1 ? a[1] : "";
    char on_stack[64], *volatile block = malloc(100);
    if (!strcmp(what, "twice")) {
        free(block);
        free(block);
    } else if (!strcmp(what, "inside")) {
        free(block + 16);
    } else if (!strcmp(what, "stack")) {
        free(on_stack);
    } else if (!strcmp(what, "late")) {
        free(block);
        block[40] = 'x';
    } else if (!strcmp(what, "beyond")) {
        memset(block, 'x', 101);
        free(block);
    }
    return 0;
}
