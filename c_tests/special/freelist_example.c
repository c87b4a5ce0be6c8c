// The example of docs/api/freelist.md, as it stands.
// libs: -lpthread
// stdout: STRING NUMBER 999 999
// stdout: 1000 strings, [0-9]+ bytes, came back; 0 blocks are left, the list is whole
#include "../../examples/shared_list.c"
