// Calls code, and is not left before that has returned.
void calls_code(void (*code)(void (*)(void)), void (*argument)(void));

void calls_code(void (*code)(void (*)(void)), void (*argument)(void)) {
    code(argument);
    __asm__ volatile("");
}
