// launch: runs one program and reports what it took, on a file descriptor of its own.
//
//     launch FD PRELOAD CHECK PROGRAM [ARGUMENT...]      PRELOAD and CHECK may be empty
//     <wait status> <wall ns> <cpu us> <peak RSS KiB> <1 if the file CHECK was mapped when the program ended>
//
// A process of its own because Linux carries the peak RSS of the address space that calls exec over to the program: started
// from the runner itself, every program would seem to need as much memory as an interpreter. Built static, it is smaller
// than anything it runs.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long microseconds(struct timeval t)
{
    return t.tv_sec * 1000000LL + t.tv_usec;
}

static int is_mapped(pid_t process, const char *file)
{
    char line[4352];
    snprintf(line, sizeof line, "/proc/%d/maps", (int)process);
    FILE *maps = fopen(line, "r");
    int found = 0;
    while (maps && !found && fgets(line, sizeof line, maps)) {
        char *path = strchr(line, '/');
        if (path) {
            path[strcspn(path, "\n")] = 0;
            found = !strcmp(path, file);
        }
    }
    if (maps)
        fclose(maps);
    return found;
}

static _Noreturn void become(const char *preload, int traced, char **command)
{
    if (*preload)
        setenv("LD_PRELOAD", preload, 1);
    if (traced && ptrace(PTRACE_TRACEME, 0, 0, 0))
        perror("launch: cannot look into the program");
    else {
        execvp(command[0], command);
        perror(command[0]);
    }
    _exit(127);
}

// A traced program stops when it execs, when it is about to end, and when it gets a signal.
static int attend(pid_t process, int status, const char *check)
{
    int loaded = 0, event = status >> 16, number = WSTOPSIG(status);
    if (event == PTRACE_EVENT_EXIT)
        loaded = is_mapped(process, check);
    if (!event && number == SIGTRAP)
        ptrace(PTRACE_SETOPTIONS, process, 0, PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
    ptrace(PTRACE_CONT, process, 0, event || number == SIGTRAP ? 0 : number);
    return loaded;
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    int report = atoi(argv[1]);
    const char *preload = argv[2], *check = argv[3];
    long long begin = now_ns();
    pid_t process = fork();
    if (process == 0) {
        close(report);
        become(preload, *check != 0, argv + 4);
    }
    int status, loaded = 0;
    struct rusage usage;
    while (wait4(process, &status, 0, &usage) == process && WIFSTOPPED(status))
        loaded |= attend(process, status, check);
    long long wall = now_ns() - begin, cpu = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    dprintf(report, "%d %lld %lld %ld %d\n", status, wall, cpu, usage.ru_maxrss, loaded);
    return 0;
}
