/*
 * The limit of this machine's loopback TCP, in C: a message is received whole, then sent back, between two
 * pinned processes with plain write() and read() on warm buffers that are used again each time.
 *
 *   loopback CLIENT_CORE SERVER_CORE BYTES WRITE_SLICE READ_SLICE
 *
 * A slice is the most that one write() or read() moves. Everything in one call is not the fastest: a reader that
 * takes 64 MiB at once holds the socket's lock, and what is in flight outgrows the caches.
 *
 * Prints "ready", then for each line on stdin makes one round trip and prints its nanoseconds. Ends with stdin.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static size_t write_slice, read_slice;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity");
}

/* Memory as NumPy takes it: malloc, huge pages asked for. Every page is touched before the first measurement. */
static char *warm_buffer(size_t bytes, int fill) {
    const uintptr_t page = 4096;
    char *memory = malloc(bytes);
    if (memory == NULL) fail("malloc");
    uintptr_t start = ((uintptr_t)memory + page - 1) & ~(page - 1);
    madvise((void *)start, bytes - (start - (uintptr_t)memory), MADV_HUGEPAGE);
    memset(memory, fill, bytes);
    return memory;
}

/* 1: all there; 0: the other side is gone. */
static int read_all(int fd, char *to, size_t bytes) {
    while (bytes > 0) {
        ssize_t got = read(fd, to, bytes < read_slice ? bytes : read_slice);
        if (got <= 0) return 0;
        to += got;
        bytes -= (size_t)got;
    }
    return 1;
}

static int write_all(int fd, const char *from, size_t bytes) {
    while (bytes > 0) {
        ssize_t put = write(fd, from, bytes < write_slice ? bytes : write_slice);
        if (put <= 0) return 0;
        from += put;
        bytes -= (size_t)put;
    }
    return 1;
}

static void send_at_once(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void serve(int listener, size_t bytes) {
    char *buffer = warm_buffer(bytes, 0);
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) fail("accept");
    send_at_once(fd);
    while (read_all(fd, buffer, bytes) && write_all(fd, buffer, bytes)) {
    }
}

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void call(int fd, size_t bytes) {
    char line[64];
    char *out = warm_buffer(bytes, 0);
    char *in = warm_buffer(bytes, 0);
    for (size_t i = 0; i < bytes; i++) out[i] = (char)(i * 2654435761u >> 13);
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        long long start = now_ns();
        if (!write_all(fd, out, bytes) || !read_all(fd, in, bytes)) fail("round trip");
        long long took = now_ns() - start;
        if (memcmp(out, in, bytes) != 0) {
            fprintf(stderr, "the echo differs\n");
            exit(1);
        }
        printf("%lld\n", took);
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: loopback CLIENT_CORE SERVER_CORE BYTES WRITE_SLICE READ_SLICE\n");
        return 2;
    }
    size_t bytes = strtoull(argv[3], NULL, 10);
    write_slice = strtoull(argv[4], NULL, 10);
    read_slice = strtoull(argv[5], NULL, 10);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &length) != 0)
        fail("listen");
    pid_t server = fork();
    if (server < 0) fail("fork");
    if (server == 0) {
        pin(atoi(argv[2]));
        serve(listener, bytes);
        return 0;
    }
    pin(atoi(argv[1]));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) fail("connect");
    send_at_once(fd);
    call(fd, bytes);
    close(fd);
    waitpid(server, NULL, 0);
    return 0;
}
