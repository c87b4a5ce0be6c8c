/* Linked to a load, or loaded by it: says which process it is as it starts, and what time and memory it has taken as it
 * ends. The files are in the directory that COMPARE_TOOLS names. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void say(const char *name, double number)
{
    const char *directory = getenv("COMPARE_TOOLS");
    char path[4096], text[64];
    if (!directory)
        return;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file >= 0) {
        int length = snprintf(text, sizeof text, "%.6f\n", number);
        if (write(file, text, length) != length)
            _exit(1);
        close(file);
    }
}

__attribute__((constructor)) static void start(void) { say("pid", getpid()); }

__attribute__((destructor)) static void end(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    say("memory", used.ru_maxrss);
    say("spent", used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}

/* What sqlite3's .load asks for; 0 is its SQLITE_OK. */
int sqlite3_spent_init(void *database, char **error, const void *functions)
{
    (void)database, (void)error, (void)functions;
    return 0;
}
