// The example runs: who is born dies in time, and the memory goes back.
// args: 600
// stdout: frame 100: .*
// stdout: frame 200: .*
// stdout: frame 300: .*
// stdout: frame 400: .*, [1-9][0-9]* KiB given back
// stdout: frame 500: +0 emitters, +0 sparks, 0 slabs, [0-9]+ KiB given back
// stdout: frame 600: +0 emitters, +0 sparks, 0 slabs, 0 KiB given back
// stdout: ([0-9]+) were born, [0-9]+ died, 0 live
#include "../../examples/entities.c"
