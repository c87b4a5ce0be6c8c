// Calls code, and stays on the stack until that has returned.
void calls_code(void (*code)(void (*)(void)), void (*argument)(void));

void calls_code(void (*code)(void (*)(void)), void (*argument)(void)) {
    code(argument);
    __asm__ volatile("");
}
