// The model under the default policy. The whole heap is verified every so many calls.
// env: METES_OPTIONS=verify=100
// args: 100000
// soak-args: 3000000
#include "check.h"

#include "include/model.h"

int main(int argc, char **argv) { return model(argc > 1 ? strtol(argv[1], NULL, 10) : 100000); }
