// A random bit of the heap's own words is flipped: reported, or harmless. Under the largest block that fits.
// env: METES_OPTIONS=slabs=off,fit=worst
// args: 200
// soak-args: 10000
// timeout: 120
// ways: so
#include "check.h"

#include "include/flips.h"

int main(int argc, char **argv) { return flips(argc, argv); }
