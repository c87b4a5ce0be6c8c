// launch: runs one program and reports what it took, on a file descriptor of its own.
//
//     launch FD PRELOAD CHECK RUNS PROGRAM [ARGUMENT...]      PRELOAD and CHECK may be empty
//     <wait status> <wall ns> <cpu us> <peak RSS KiB> <page faults> <1 if CHECK was mapped when the program ended>
//
// With RUNS above 1, the runs come one after the other until one fails, and the figures are their means. With CHECK,
// runs are slower and the peak RSS is exact: wait4's figure may lack what each CPU counts by itself, up to 32 pages
// of a kind.
//
// This is a process of its own because Linux carries the peak RSS of the address space that calls exec over to the
// program. Started from the runner itself, every program would seem to need as much memory as an interpreter. Built
// static, this process is smaller than anything it runs.
#define _GNU_SOURCE
#include <fcntl.h>
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

// What /proc says of a process: whether it has mapped a file, and its peak RSS.
struct look {
    int mapped;
    long long peak_kib;
};

static struct look look_at(pid_t process, const char *file)
{
    struct look seen = {0, 0};
    char line[4352];
    snprintf(line, sizeof line, "/proc/%d/maps", (int)process);
    FILE *maps = fopen(line, "r");
    while (maps && !seen.mapped && fgets(line, sizeof line, maps)) {
        char *path = strchr(line, '/');
        if (path) {
            path[strcspn(path, "\n")] = 0;
            seen.mapped = !strcmp(path, file);
        }
    }
    if (maps)
        fclose(maps);
    snprintf(line, sizeof line, "/proc/%d/status", (int)process);
    FILE *status = fopen(line, "r");
    while (status && fgets(line, sizeof line, status) && sscanf(line, "VmHWM: %lld", &seen.peak_kib) != 1)
        ;
    if (status)
        fclose(status);
    return seen;
}

// vfork, because a copy of this process would be a part of what a short program takes.
static pid_t start(char **command, int traced)
{
    pid_t process = vfork();
    if (process == 0) {
        if (traced && ptrace(PTRACE_TRACEME, 0, 0, 0))
            perror("launch: cannot look into the program");
        else {
            execvp(command[0], command);
            perror(command[0]);
        }
        _exit(127);
    }
    return process;
}

// A traced program stops when it execs, when it is about to end, and when it gets a signal.
static void attend(pid_t process, int status, const char *check, struct look *at_end)
{
    int event = status >> 16, number = WSTOPSIG(status);
    if (event == PTRACE_EVENT_EXIT)
        *at_end = look_at(process, check);
    if (!event && number == SIGTRAP)
        ptrace(PTRACE_SETOPTIONS, process, 0, PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
    ptrace(PTRACE_CONT, process, 0, event || number == SIGTRAP ? 0 : number);
}

int main(int argc, char **argv)
{
    if (argc < 6 || atoi(argv[4]) < 1)
        return 2;
    int report = atoi(argv[1]), runs = atoi(argv[4]), done = 0, status = 0;
    const char *preload = argv[2], *check = argv[3];
    long long wall = 0, cpu = 0, rss = 0, faults = 0;
    struct look at_end = {0, 0};
    fcntl(report, F_SETFD, FD_CLOEXEC);
    if (*preload)
        setenv("LD_PRELOAD", preload, 1);
    while (done < runs && status == 0) {
        struct rusage usage;
        long long begin = now_ns();
        pid_t process = start(argv + 5, *check != 0);
        while (wait4(process, &status, 0, &usage) == process && WIFSTOPPED(status))
            attend(process, status, check, &at_end);
        wall += now_ns() - begin;
        cpu += microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
        rss += *check ? at_end.peak_kib : usage.ru_maxrss;
        faults += usage.ru_minflt + usage.ru_majflt;
        done++;
    }
    dprintf(report, "%d %lld %lld %lld %lld %d\n", status, wall / done, cpu / done, rss / done, faults / done,
            at_end.mapped);
    return 0;
}
