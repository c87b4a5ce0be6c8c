// A random bit of the heap's own words is flipped: reported, or harmless. All sizes are in the free list, under the
// best fit.
// env: METES_OPTIONS=slabs=off
// args: 200
// soak-args: 10000
// timeout: 120
// ways: so
#include "check.h"

#include "include/flips.h"

int main(int argc, char **argv) { return flips(argc, argv); }
