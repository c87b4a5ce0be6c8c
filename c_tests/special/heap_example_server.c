// The example serves its own clients: one is refused at its limit, the others get what they asked for, and every
// connection's heap goes with it.
// args: --self-test 4
// libs: -lpthread
// stdout: connection 1: [3-9] requests, 6[0-9]{4} bytes at most, [0-9]+ blocks go at once
// stdout: connection 2: 101 requests, [0-9]{4} bytes at most, 17 blocks go at once
// stdout: connection 3: 100 requests, [0-9]{4} bytes at most, 27 blocks go at once
// stdout: connection 4: 100 requests, [0-9]{4} bytes at most, 37 blocks go at once
// stdout: 4 connections came and went, and the heap is whole
// default: silent
// full: silent
// debug: silent
#include "../../examples/request_server.c"
