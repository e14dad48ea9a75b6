/* Thousands of websocket readers in one process that costs little; see readers.py, which starts it.

   Lines on stdin, answered in order:
     open PORT COUNT EIO RCVBUF PATH COOKIE   open sockets; EIO 1: speak Engine.IO, RCVBUF 0: usual
     mark TEXT      from now on note each number that follows TEXT in a message
     mute COUNT     do not read from the COUNT sockets that were opened first; 0: read from all
     close COUNT    close the COUNT sockets that were opened last
     count          answers "notes closed bad": notes so far, sockets the server closed, bad frames
     dump FILE      write the notes (64-bit nanoseconds, socket << 32 | number) and forget them
   Pings are answered. Times are CLOCK_MONOTONIC, right after the read. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 20000
#define CHUNK 65536

struct reader { int fd, eio; uint8_t *data; size_t size, room; };
struct note { int64_t at, what; };

static struct reader readers[MOST];
static int opened, closed, bad, muted, loop;
static struct note *notes;
static size_t noted, note_room;
static char mark[64]; /* nothing is noted without one */

static void fail(const char *what)
{
    fprintf(stderr, "readers: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void say(struct reader *r, int opcode, const void *payload, size_t size)
{
    uint8_t frame[131] = {0x80 | opcode, 0x80 | size}; /* masked with zeros */
    if (size > 125)
        return;
    memcpy(frame + 6, payload, size);
    if (write(r->fd, frame, size + 6) < 0 && errno != EAGAIN)
        bad++;
}

static void note(struct reader *r, const uint8_t *text, size_t size, int64_t at)
{
    size_t length = strlen(mark);
    const uint8_t *end = text + size;
    while (length && (text = memmem(text, end - text, mark, length))) {
        int64_t number = 0;
        for (text += length; text < end && *text >= '0' && *text <= '9'; text++)
            number = number * 10 + *text - '0';
        if (noted == note_room) {
            note_room = note_room ? note_room * 2 : 65536;
            if (!(notes = realloc(notes, note_room * sizeof *notes)))
                fail("memory");
        }
        notes[noted++] = (struct note){at, (int64_t)(r - readers) << 32 | number};
    }
}

static void drop(struct reader *r)
{
    close(r->fd);
    free(r->data);
    *r = (struct reader){.fd = -1};
}

/* Take one frame off the front; 0 when it is not there as a whole. */
static size_t frame(struct reader *r, const uint8_t *data, size_t size, int64_t at)
{
    uint64_t length = size < 2 ? 0 : data[1];
    size_t head = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (size < head)
        return 0;
    if (head > 2) {
        length = 0;
        for (size_t i = 2; i < head; i++)
            length = length << 8 | data[i];
    }
    if (size < head + length)
        return 0;
    const uint8_t *payload = data + head;
    int opcode = data[0] & 15;
    if (opcode == 9)
        say(r, 10, payload, length);
    else if (opcode == 1 && r->eio && length == 1 && *payload == '2')
        say(r, 1, "3", 1);
    else if (opcode == 1)
        note(r, payload, length, at);
    else if (opcode != 8 && opcode != 10)
        bad++;
    if (data[0] & 0x70 || !(data[0] & 0x80))
        bad++; /* compressed or fragmented: nobody was asked for that */
    return head + length;
}

static void take(struct reader *r)
{
    for (;;) {
        if (r->room - r->size < CHUNK / 8) {
            r->room = r->room ? r->room * 2 : CHUNK / 4;
            if (!(r->data = realloc(r->data, r->room)))
                fail("memory");
        }
        size_t asked = r->room - r->size;
        ssize_t got = read(r->fd, r->data + r->size, asked);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            closed++;
            drop(r);
            return;
        }
        int64_t at = now();
        size_t done = 0, step;
        r->size += got;
        while ((step = frame(r, r->data + done, r->size - done, at)))
            done += step;
        memmove(r->data, r->data + done, r->size -= done);
        if ((size_t)got < asked)
            return;
    }
}

static void listen_to(struct reader *r, int wanted)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = r};
    if (r->fd >= 0)
        epoll_ctl(loop, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, r->fd, &event);
}

static void open_one(int port, int eio, int buffer, const char *path, const char *cookie)
{
    struct reader *r = &readers[opened];
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char request[4096], answer[8192];
    int on = 1, size = 0, length;
    if (opened == MOST || (r->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0)
        fail("socket");
    r->eio = eio;
    setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (buffer)
        setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (connect(r->fd, (struct sockaddr *)&to, sizeof to))
        fail("connect");
    length = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: %s\r\n\r\n",
        path, port, port, cookie);
    if (write(r->fd, request, length) != length)
        fail("write");
    for (char *end = NULL; !end;) {
        ssize_t got = read(r->fd, answer + size, sizeof answer - 1 - size);
        if (got <= 0)
            fail("hung up in the handshake");
        answer[size += got] = 0;
        if ((end = strstr(answer, "\r\n\r\n"))) {
            if (strncmp(answer + 8, " 101", 4)) {
                fprintf(stderr, "readers: refused %s: %.200s\n", path, answer);
                exit(1);
            }
            size -= end + 4 - answer;
            r->data = malloc(r->room = CHUNK / 4);
            memcpy(r->data, end + 4, r->size = size);
        }
    }
    if (eio)
        say(r, 1, "40", 2);
    fcntl(r->fd, F_SETFL, O_NONBLOCK);
    opened++;
    listen_to(r, 1);
}

static void wait_for(int milliseconds)
{
    struct epoll_event events[512];
    int count = epoll_wait(loop, events, 512, milliseconds);
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr)
            take(events[i].data.ptr);
}

static void obey(char *line)
{
    char path[512], cookie[3000] = "";
    int port, count, eio, buffer;
    if (sscanf(line, "open %d %d %d %d %511s %2999[^\n]", &port, &count, &eio, &buffer, path,
               cookie) >= 5) {
        while (count--) {
            open_one(port, eio, buffer, path, cookie);
            wait_for(0);
        }
    } else if (sscanf(line, "mute %d", &count) == 1) {
        for (int i = 0; i < muted; i++)
            listen_to(&readers[i], 1);
        for (int i = 0; i < count; i++)
            listen_to(&readers[i], 0);
        muted = count;
    } else if (sscanf(line, "close %d", &count) == 1) {
        while (count-- && opened)
            if (readers[--opened].fd >= 0)
                drop(&readers[opened]);
    } else if (!strncmp(line, "mark ", 5)) {
        snprintf(mark, sizeof mark, "%.60s", line + 5);
    } else if (sscanf(line, "dump %511s", path) == 1) {
        FILE *file = fopen(path, "w");
        if (!file || fwrite(notes, sizeof *notes, noted, file) != noted || fclose(file))
            fail("dump");
        noted = 0;
    }
    printf("%zu %d %d\n", noted, closed, bad);
    fflush(stdout);
}

int main(void)
{
    static char heard[65536];
    size_t size = 0;
    struct epoll_event input = {.events = EPOLLIN};
    loop = epoll_create1(0);
    epoll_ctl(loop, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    for (;;) {
        struct epoll_event events[512];
        int count = epoll_wait(loop, events, 512, -1), told = 0;
        for (int i = 0; i < count; i++)
            if (events[i].data.ptr)
                take(events[i].data.ptr);
            else
                told = 1;
        if (!told)
            continue;
        ssize_t got = read(STDIN_FILENO, heard + size, sizeof heard - size - 1);
        if (got <= 0)
            return 0;
        heard[size += got] = 0;
        for (char *end; (end = memchr(heard, '\n', size));) {
            *end = 0;
            obey(heard);
            size -= end + 1 - heard;
            memmove(heard, end + 1, size + 1);
        }
    }
}
