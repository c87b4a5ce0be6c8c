// The example: a JSON parser whose tree is on an arena. The second document needs no memory from malloc.
// default: silent
// full: silent
// debug: silent
// stdout: 10000 nulls, 10000 booleans, 10000 numbers, 30000 strings, 10001 arrays, 10000 objects
// stdout: [0-9]+ bytes in use, [0-9]+ held in [0-9]+ chunks, which malloc was asked for ([0-9]+) times
// stdout: 10000 nulls, 10000 booleans, 10000 numbers, 30000 strings, 10001 arrays, 10000 objects
// stdout: [0-9]+ bytes in use, [0-9]+ held in [0-9]+ chunks, which malloc was asked for ([0-9]+) times
// stdout: 10000 nulls, 10000 booleans, 10000 numbers, 30000 strings, 10001 arrays, 10000 objects
// stdout: [0-9]+ bytes in use, [0-9]+ held in [0-9]+ chunks, which malloc was asked for ([0-9]+) times
// stdout: at byte 14: a comma or the end of a list was expected; [0-9]+ bytes in use
#include "../../examples/json_arena.c"
