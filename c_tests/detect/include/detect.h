// What the programs of detect/ share. Each program has one bug, and the start of its name is the bug's class. The
// allocator alone has to stop it: a program that gets past its bug says `survived` and ends with 0. They run under
// any allocator.
#ifndef METES_DETECT_H
#define METES_DETECT_H

#include "check.h"

__attribute__((unused)) static void say(const char *text) {
    size_t length = strlen(text);
    // Not by stdio: a report at exit ends the program before stdio writes its buffers.
    CHECK(write(STDOUT_FILENO, text, length) == (ssize_t)length);
}

__attribute__((unused)) static int survived(void) {
    say("survived\n");
    return 0;
}

// For a function that the allocator does not have.
__attribute__((unused)) static int not_available(void) {
    say("not available\n");
    return 0;
}

#endif
