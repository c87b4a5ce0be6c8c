/* request_server: an HTTP server that counts words. Each connection has a heap of its own, in which all that it needs
 * is: what came in, the table of its words, the answers, and the connection itself. When the connection closes, for
 * whatever reason, one call ends all blocks that are out. A limit holds each client to its share: one that sends too
 * much gets an answer and is closed, and the others do not notice.
 *
 *     cc -O2 examples/request_server.c -o request_server $(pkg-config --cflags --libs metes) -lpthread
 *     ./request_server 8080 &  curl --data 'a word and a word' localhost:8080/words
 *     ./request_server --self-test 20     # its own clients, in the same program, check each answer
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <metes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIMIT = 64 << 10, CONNECTIONS = 64, BUCKETS = 64 };

struct word {
    struct word *next;
    int count;
    char text[];
};

/* In its own heap, as are the blocks it leads to. */
struct connection {
    metes_heap *heap;
    int fd, number, requests, closing;
    char *in, *out; /* what came in and is not answered; what is to go out */
    size_t in_bytes, in_room, out_bytes, out_sent;
    struct word *words[BUCKETS]; /* of all requests of this connection */
    int different;
};

#define REQUIRE(what) ((what) ? (void)0 : fail(#what, __LINE__))

static void fail(const char *what, int line) {
    fprintf(stderr, "request_server: line %d: %s\n", line, what);
    exit(1);
}

/* ---- the server ---- */

static struct connection *accept_one(int fd, int number) {
    char name[32];
    snprintf(name, sizeof name, "connection %d", number);
    /* The server is one thread, so its heaps need no lock. */
    struct metes_heap_options options = {.size = sizeof options, .name = name, .limit = LIMIT, .single_threaded = 1};
    metes_heap *heap = metes_heap_new(&options);
    struct connection *c = heap ? metes_heap_calloc(heap, 1, sizeof *c) : NULL;
    if (!c) { /* no memory at all: this client is turned away */
        metes_heap_destroy(heap);
        close(fd);
        return NULL;
    }
    c->heap = heap;
    c->fd = fd;
    c->number = number;
    return c;
}

static void close_one(struct connection *c) {
    metes_heap *heap = c->heap;
    struct metes_heap_stats stats;
    REQUIRE(metes_heap_check(heap) == NULL);
    REQUIRE(metes_heap_stats(heap, &stats, sizeof stats) == sizeof stats && stats.peak <= LIMIT);
    printf("connection %d: %d requests, %zu bytes at most, %zu blocks go at once\n", c->number, c->requests, stats.peak,
           stats.blocks);
    close(c->fd);
    metes_heap_destroy(heap);
    REQUIRE(metes_heap_of(c) == NULL); /* nothing is left: the address is in no heap any more */
}

static char full[] = "HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/* Answers. Without a status there was no memory for more: that is answered by a text that needs none. */
static void answer(struct connection *c, const char *status, const char *format, ...) {
    char body[200];
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(body, sizeof body, format, arguments);
    va_end(arguments);
    char *out = NULL;
    if (status) out = metes_heap_malloc(c->heap, sizeof body + 100);
    if (out) {
        c->out_bytes = (size_t)sprintf(out, "HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, bytes, body);
        c->out = out;
    } else {
        c->out = full;
        c->out_bytes = sizeof full - 1;
        c->closing = 1;
    }
    c->out_sent = 0;
    c->requests++;
}

/* Counts the words of a text in the connection's table. 0 where the connection has reached its limit. */
static int count_words(struct connection *c, char *text, int *all) {
    for (char *rest, *found = strtok_r(text, " \r\n", &rest); found; found = strtok_r(NULL, " \r\n", &rest), ++*all) {
        unsigned hash = 5381;
        for (const char *at = found; *at; at++) hash = hash * 33 + (unsigned char)*at;
        struct word **place = &c->words[hash % BUCKETS], *word = *place;
        while (word && strcmp(word->text, found) != 0) word = word->next;
        if (!word) {
            word = metes_heap_malloc(c->heap, sizeof *word + strlen(found) + 1);
            if (!word) return 0;
            word->next = *place;
            word->count = 0;
            strcpy(word->text, found);
            *place = word;
            c->different++;
        }
        word->count++;
    }
    return 1;
}

/* Answers the first request of what came in, if all of it is there: 1; else 0. */
static int serve(struct connection *c) {
    char *end = c->in_bytes ? memmem(c->in, c->in_bytes, "\r\n\r\n", 4) : NULL;
    if (!end) return 0;
    *end = '\0';
    const char *length = strcasestr(c->in, "\r\ncontent-length:");
    size_t bytes = length ? strtoul(length + 17, NULL, 10) : 0, head = (size_t)(end + 4 - c->in);
    if (bytes > LIMIT) {
        answer(c, NULL, "");
        return 1;
    }
    if (c->in_bytes - head < bytes) {
        *end = '\r';
        return 0;
    }
    char *body = metes_heap_malloc(c->heap, bytes + 1);
    int all = 0;
    if (!body) {
        answer(c, NULL, "");
    } else if (strncmp(c->in, "POST /words ", 12) == 0) {
        memcpy(body, end + 4, bytes);
        body[bytes] = '\0';
        if (count_words(c, body, &all)) {
            answer(c, "200 OK", "%d words, %d different so far\n", all, c->different);
        } else {
            answer(c, NULL, "");
        }
    } else {
        answer(c, "404 Not Found", "POST /words\n");
    }
    metes_heap_free(c->heap, body);
    c->in_bytes -= head + bytes;
    memmove(c->in, c->in + head + bytes, c->in_bytes);
    return 1;
}

/* Reads what is there; 0 at the end of the connection. */
static int receive(struct connection *c) {
    if (c->in_room - c->in_bytes < 1024) {
        char *in = metes_heap_realloc(c->heap, c->in, c->in_room + 4096);
        if (!in) {
            answer(c, NULL, "");
            return 1;
        }
        c->in = in;
        c->in_room += 4096;
    }
    ssize_t got = recv(c->fd, c->in + c->in_bytes, c->in_room - c->in_bytes, 0);
    if (got > 0) c->in_bytes += (size_t)got;
    return got > 0;
}

/* One turn of a connection; 0 when it is over. */
static int turn(struct connection *c) {
    if (!c->out && !receive(c)) return 0;
    while (c->out || serve(c)) {
        ssize_t sent = send(c->fd, c->out + c->out_sent, c->out_bytes - c->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) return 1; /* the client has to read first; an error is met again by the next `recv` */
        if ((c->out_sent += (size_t)sent) < c->out_bytes) return 1;
        if (c->out != full) metes_heap_free(c->heap, c->out);
        c->out = NULL;
        if (c->closing) return 0;
    }
    return 1;
}

/* Serves until so many connections have come and gone; 0: for ever. */
static void run(int listener, int connections) {
    static struct connection *open[CONNECTIONS];
    static struct pollfd polled[CONNECTIONS + 1];
    int count = 0, accepted = 0;
    while (connections == 0 || accepted < connections || count > 0) {
        polled[0] = (struct pollfd){.fd = listener, .events = count < CONNECTIONS ? POLLIN : 0};
        for (int i = 0; i < count; i++) {
            polled[i + 1] = (struct pollfd){.fd = open[i]->fd, .events = open[i]->out ? POLLOUT : POLLIN};
        }
        REQUIRE(poll(polled, (nfds_t)count + 1, -1) > 0);
        int kept = 0;
        for (int i = 0; i < count; i++) {
            if (polled[i + 1].revents == 0 || turn(open[i])) {
                open[kept++] = open[i];
            } else {
                close_one(open[i]);
            }
        }
        count = kept;
        int fd = polled[0].revents & POLLIN ? accept(listener, NULL, NULL) : -1;
        if (fd >= 0 && (open[count] = accept_one(fd, ++accepted))) count++;
    }
}

/* ---- the clients of the self-test ---- */

static int self_test;
static struct sockaddr_in address = {.sin_family = AF_INET};

static int client(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    REQUIRE(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* Sends a request, in two parts that may come in one by one, and compares the answer. Returns 0 if the connection has
 * reached its limit, which ends it, and else 1. */
static int ask(int fd, const char *path, const char *body, const char *status, const char *expected) {
    char head[200], got[500];
    int bytes = snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", path, strlen(body));
    size_t have = 0, length = strlen(expected);
    ssize_t more;
    REQUIRE(send(fd, head, (size_t)bytes, MSG_NOSIGNAL) == bytes);
    send(fd, body, strlen(body), MSG_NOSIGNAL); /* a server that has had enough has closed */
    got[0] = '\0';
    do {
        REQUIRE((more = recv(fd, got + have, sizeof got - 1 - have, 0)) > 0);
        got[have += (size_t)more] = '\0';
        if (strcmp(got, full) == 0) return 0;
    } while (!strstr(got, "\r\n\r\n") || have < length || memcmp(got + have - length, expected, length) != 0);
    REQUIRE(strncmp(got, "HTTP/1.1 ", 9) == 0 && strncmp(got + 9, status, strlen(status)) == 0);
    return 1;
}

/* All connections are open at the same time. The first one asks for more than it may have. */
static void *clients(void *unused) {
    static char large[2 << 10];
    int fds[CONNECTIONS];
    char body[100], expected[100];
    for (int i = 0; i < self_test; i++) fds[i] = client();
    for (int round = 0; round < 100; round++) {
        for (int i = 1; i < self_test; i++) {
            snprintf(body, sizeof body, "a word of client%d and word%d", i, round % (10 * i));
            int different = 5 + (round + 1 < 10 * i ? round + 1 : 10 * i);
            snprintf(expected, sizeof expected, "6 words, %d different so far\n", different);
            REQUIRE(ask(fds[i], "/words", body, "200", expected));
        }
    }
    REQUIRE(ask(fds[1], "/nowhere", "", "404", "POST /words\n"));
    /* 200 new words each time, until the limit is reached. */
    int served = 0;
    do {
        for (int i = 0; i < 200; i++) sprintf(large + 7 * i, "%06d ", served * 200 + i);
        snprintf(expected, sizeof expected, "200 words, %d different so far\n", (served + 1) * 200);
    } while (ask(fds[0], "/words", large, "200", expected) && ++served < 100);
    REQUIRE(served >= 2 && served < 100);
    for (int i = 0; i < self_test; i++) close(fds[i]);
    return unused;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--self-test") == 0) self_test = atoi(argv[2]);
    int port = argc == 2 ? atoi(argv[1]) : 0;
    if ((argc != 2 && argc != 3) || (argc == 3 && (self_test < 2 || self_test > CONNECTIONS))) {
        fprintf(stderr, "request_server PORT, or request_server --self-test N: 2 to %d clients\n", CONNECTIONS);
        return 2;
    }
    socklen_t bytes = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, bytes) != 0 || listen(listener, CONNECTIONS) != 0) {
        perror("request_server");
        return 1;
    }
    getsockname(listener, (struct sockaddr *)&address, &bytes);
    pthread_t thread;
    if (self_test) REQUIRE(pthread_create(&thread, NULL, clients, NULL) == 0);
    run(listener, self_test);
    if (self_test) pthread_join(thread, NULL);
    REQUIRE(metes_check() == NULL);
    printf("%d connections came and went, and the heap is whole\n", self_test);
    return 0;
}
