#include "../../../examples/plugin_greedy.c"
