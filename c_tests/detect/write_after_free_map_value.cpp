// A reference to a map's value is written to after the entry was erased.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

#include <map>

int main() {
    {
        std::map<int, long> table;
        long &value = table[5];
        table.erase(5);
        *opaque(&value) = 7;
    }
    return survived();
}
