#include "../../../examples/plugin_leaks.c"
