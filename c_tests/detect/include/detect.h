// What the programs of detect/ share. Each has one bug, of a class that stands before its name, and is to be stopped by the
// allocator alone: one that gets past its bug says `survived` and ends with 0. They run under any allocator.
#ifndef METES_DETECT_H
#define METES_DETECT_H

#include "check.h"

__attribute__((unused)) static void say(const char *text) {
    size_t length = strlen(text);
    // Not by stdio: what is found at exit ends the program before the buffers are written.
    CHECK(write(STDOUT_FILENO, text, length) == (ssize_t)length);
}

__attribute__((unused)) static int survived(void) {
    say("survived\n");
    return 0;
}

// For what the allocator does not have.
__attribute__((unused)) static int not_available(void) {
    say("not available\n");
    return 0;
}

#endif
