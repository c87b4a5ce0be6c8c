// A random bit of the heap's own words is flipped: reported, or harmless. With slabs and caches, the words are those
// of larger blocks.
// env: METES_OPTIONS=stats=off
// args: 200
// soak-args: 10000
// timeout: 120
// ways: so
#include "check.h"

#include "include/flips.h"

int main(int argc, char **argv) { return flips(argc, argv); }
