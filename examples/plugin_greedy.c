/* plugin_greedy: a plug-in for plugin_host.c. It takes all the memory that it can get, and copes when there is no more.
 */
#include "plugin_api.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    struct node *next;
    char bytes[1000];
};

char *plugin_run(const char *input) {
    char *output = malloc(100);
    struct node *nodes = NULL, *node;
    int count = 0;
    while ((node = malloc(sizeof *node))) {
        memset(node->bytes, 1, sizeof node->bytes);
        node->next = nodes;
        nodes = node;
        count++;
    }
    if (output) snprintf(output, 100, "%s: %d blocks, then malloc returned NULL", input, count);
    return output; /* and none of them is freed */
}
