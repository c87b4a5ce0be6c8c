// The model under the smallest block that fits. The whole heap is verified every so many calls.
// env: METES_OPTIONS=slabs=off,fit=best,verify=64
// args: 100000
// soak-args: 3000000
#include "check.h"

#include "include/model.h"

int main(int argc, char **argv) { return model(argc > 1 ? strtol(argv[1], NULL, 10) : 100000); }
