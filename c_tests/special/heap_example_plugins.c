// The example: plug-ins that leak and run over their limits are unloaded, and late uses are reported by their names.
// shared: plugin_leaks.c
// shared: plugin_greedy.c
// libs: -ldl
// args: ./libplugin_leaks.so ./libplugin_greedy.so
// stdout: libplugin_leaks.so: ni-gulp eht rof txet a
// stdout: libplugin_leaks.so: unloaded, with 101 blocks that it leaked
// stdout: freed late: signal 6, metes: M018 use of a destroyed heap: free\(0x[0-9a-f]+\): in the heap "libplugin_leaks.so", which was destroyed
// stdout: read late: signal 11, metes: M014 use after free: read at 0x[0-9a-f]+: in the heap "libplugin_leaks.so", which was destroyed
// stdout: libplugin_greedy.so: a text for the plug-in: 10[0-9]{2} blocks, then malloc returned NULL
// stdout: libplugin_greedy.so: unloaded, with 10[0-9]{2} blocks that it leaked
// stdout: freed late: signal 6, metes: M018 use of a destroyed heap: free\(0x[0-9a-f]+\): in the heap "libplugin_greedy.so", which was destroyed
// stdout: read late: signal 11, metes: M014 use after free: read at 0x[0-9a-f]+: in the heap "libplugin_greedy.so", which was destroyed
// stdout: 2 plug-ins are gone, and the heap is whole
#include "../../examples/plugin_host.c"
