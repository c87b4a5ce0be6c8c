/* plugin_leaks: a plug-in for plugin_host.c. It turns a text round, and leaks: a copy of each text, and a table that
 * nobody frees. */
#include "plugin_api.h"
#include <stdlib.h>
#include <string.h>

static char *seen[1000];
static int count;

char *plugin_run(const char *input) {
    size_t bytes = strlen(input);
    char *output = malloc(bytes + 1);
    if (!output || count == 1000 || !(seen[count++] = strdup(input))) return NULL;
    for (size_t i = 0; i < bytes; i++) output[i] = input[bytes - 1 - i];
    output[bytes] = '\0';
    return output;
}
