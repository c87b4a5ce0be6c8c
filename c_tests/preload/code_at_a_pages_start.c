// Code that a program makes stands at the start of a page. The page before it is readable, then inaccessible, then
// unmapped. The stack of a block that the code allocates goes through the code, up to the library that called it.
// env: METES_OPTIONS=debug=1,guard=off
// shared: calls_code.c
// libs: -ldl
// stderr: metes: M001 double free: .*
// detail: allocated
// detail: libcalls_code\.so\+0x
// exit: SIGABRT
#include "check.h"

#include <sys/mman.h>

// Calls its argument with a frame pointer: the return address is in the first eight bytes.
#if defined __x86_64__
static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
#elif defined __aarch64__
static const unsigned code[] = {0xa9bf7bfd, 0x910003fd, 0xd63f0000, 0xa8c17bfd, 0xd65f03c0};
#endif

typedef void function(void);
typedef void calls_code(void (*)(function *), function *);

static void *block;

static void allocate(void) {
    block = malloc(100);
    CHECK(block);
}

int main(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/libcalls_code.so", getenv("METES_TEST_DIR"));
    void *library = dlopen(path, RTLD_NOW);
    CHECK(library);
    calls_code *call = (calls_code *)(uintptr_t)dlsym(library, "calls_code");
    CHECK(call);

    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *before = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(before != MAP_FAILED);
    memcpy(before + page, code, sizeof code);
    CHECK(!mprotect(before + page, page, PROT_READ | PROT_EXEC));
    void (*made)(function *) = (void (*)(function *))(uintptr_t)(before + page);

    // While the page before it is readable, when it is inaccessible, and when it is gone.
    call(made, allocate);
    free(block);
    CHECK(!mprotect(before, page, PROT_NONE));
    call(made, allocate);
    free(block);
    CHECK(!munmap(before, page));
    call(made, allocate);
    free(block);
    free(block);
    return 0;
}
