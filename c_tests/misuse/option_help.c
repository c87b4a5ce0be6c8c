// The table of options, each with its value and its default. Then the program goes on.
// ways: so preload
// env: METES_OPTIONS=help,decay_ms=7,fit=first
// stderr: metes: fit=first \(best\): first, best or worst
// stderr: metes: foreign=abort \(abort\): .*
// stderr: metes: cutoff=256k \(256k, follows\): .*
// stderr: metes: dirty_max=16m \(16m\): .*
// stderr: metes: arenas=as many as CPUs .*
// stderr: metes: limit=off \(off\): .*
// stderr: metes: purge=lazy \(lazy\): .*
// stderr: metes: decay_ms=7 \(1000\): .*
// stderr: metes: thp=auto \(auto\): .*
// stderr: metes: slabs=on \(on\): .*
// stderr: metes: mix=on \(on\): .*
// stderr: metes: caches=on \(on\): .*
// stderr: metes: verify=0 \(0\): .*
// stderr: metes: checks=default \(default\): .*
// stderr: metes: debug=0 \(0\): .*
// stderr: metes: depth=8 \(8\): .*
// stderr: metes: leaks=off \(off\): .*
// stderr: metes: families=on \(on\): .*
// stderr: metes: suppressions= \(\): .*
// stderr: metes: fill=off, or more .*
// stderr: metes: quarantine=4m \(4m\): .*
// stderr: metes: profile=off \(off\): .*
// stderr: metes: profile_file= \(\): .*
// stderr: metes: trace= \(\): .*
// stderr: metes: trace_stacks=16 \(16\): .*
// stderr: metes: stats=off \(off\): .*
// stderr: metes: stats_file= \(\): .*
// stderr: metes: guard=off, or more .*
// stderr: metes: report= \(\): .*
// stderr: metes: abort=yes \(yes\): .*
// stderr: metes: help= .*
#include "check.h"

int main(void) {
    char *p = malloc(100);
    free(p);
    return p == NULL;
}
