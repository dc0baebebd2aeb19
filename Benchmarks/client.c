#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 18, INFLATED_ROOM = 1 << 22, HANDSHAKES_AT_ONCE = 64, SLOW_WINDOW = 1 << 15,
       CONNECTIONS_OF_AN_ADDRESS = 20000 };

struct options options = {.name = "case", .subscribe = "/", .publish = "/", .token = "", .subscribers = 1000,
                          .connections = 16, .first = 1000, .second = 4000, .rate = 50, .bytes = 500, .array = 1, .scans = 1,
                          .slow_bytes = 1 << 16, .seconds = 10, .warmup = 3, .quiet = 45};
struct counts count;
struct connection *all;

static int poller, handshakes;
static SSL_CTX *context;
static unsigned char room[ROOM], *inflated;
static const char *marker;
static size_t marker_length;
static void (*tell)(const struct connection *, const char *);

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* ---- sockets --------------------------------------------------------------------------------------------------- */

static void watch_again(struct connection *connection) {
    uint32_t events = (connection->is_paused ? 0 : EPOLLIN) | (connection->wants_write ? EPOLLOUT : 0);
    struct epoll_event event = {.events = events, .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event);
}

static void watch(struct connection *connection, bool wants_write) {
    if (connection->wants_write == wants_write) return;
    connection->wants_write = wants_write;
    watch_again(connection);
}

void pause_reading(struct connection *connection) {
    connection->is_paused = true;
    watch_again(connection);
}

void hang_up(struct connection *connection, bool is_wanted) {
    if (connection->state == CLOSED) return;
    if (connection->state != OPEN) handshakes--;
    if (!is_wanted) count.lost++;
    connection->state = CLOSED;
    if (is_wanted && connection->ssl) SSL_shutdown(connection->ssl);
    SSL_free(connection->ssl);
    close(connection->fd);
    free(connection->in);
    free(connection->out);
    if (connection->inflater) {
        inflateEnd(connection->inflater);
        free(connection->inflater);
    }
    *connection = (struct connection){
        .is_poster = connection->is_poster, .is_slow = connection->is_slow, .number = connection->number};
}

void start(struct connection *connection) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) die("socket: %s (raise the limit of open files)", strerror(errno));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* Else the kernel would take megabytes for it. */
    int window = SLOW_WINDOW;
    if (connection->is_slow) setsockopt(connection->fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    /* One address has too few ports for them all. */
    struct sockaddr_in own = {.sin_family = AF_INET};
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)((connection - all) / CONNECTIONS_OF_AN_ADDRESS));
    setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (connection - all >= CONNECTIONS_OF_AN_ADDRESS &&
        bind(connection->fd, (struct sockaddr *)&own, sizeof own) < 0)
        die("bind: %s", strerror(errno));
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        die("connect: %s", strerror(errno));
    if (!options.plain) {
        connection->ssl = SSL_new(context);
        SSL_set_fd(connection->ssl, connection->fd);
        SSL_set_connect_state(connection->ssl);
    }
    connection->state = CONNECTING;
    connection->wants_write = true;
    handshakes++;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event);
}

static void flush_out(struct connection *connection) {
    while (connection->out_length > 0) {
        int sent = connection->ssl ? SSL_write(connection->ssl, connection->out, (int)connection->out_length)
                                   : (int)write(connection->fd, connection->out, connection->out_length);
        if (sent <= 0) break;
        connection->out_length -= sent;
        memmove(connection->out, connection->out + sent, connection->out_length);
    }
    watch(connection, connection->out_length > 0);
}

static void send_bytes(struct connection *connection, const void *bytes, size_t length) {
    connection->out = realloc(connection->out, connection->out_length + length);
    memcpy(connection->out + connection->out_length, bytes, length);
    connection->out_length += length;
    flush_out(connection);
}

void post(struct connection *connection, const char *body) {
    static char request[1 << 17];
    if (connection->state != OPEN) die("the producer's connection was closed");
    char path[256];
    snprintf(path, sizeof path, options.publish, connection->number);
    int length = snprintf(request, sizeof request,
                          "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                          path, options.token, strlen(body), body);
    connection->awaits_answer = true;
    count.posts++;
    send_bytes(connection, request, length);
}

/* Subscribes a socket of several scans to those that follow its number's. */
static void subscribe(struct connection *connection) {
    for (int place = 0; place < options.follow; place++) {
        unsigned char frame[126];
        int scan = (connection->number * options.follow + place) % options.scans;
        int length = snprintf((char *)frame + 6, sizeof frame - 6, "{\"action\":\"subscribe\",\"scanId\":\"bench-%d\"}",
                              scan);
        memcpy(frame, (unsigned char[]){0x81, 0x80 | (unsigned char)length, 0, 0, 0, 0}, 6);
        send_bytes(connection, frame, 6 + length);
    }
}

static void upgrade(struct connection *connection) {
    char request[4096], path[256];
    snprintf(path, sizeof path, options.subscribe, connection->number);
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Authorization: Bearer %s\r\n%s\r\n",
                          path, options.token,
                          options.deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    send_bytes(connection, request, length);
}

/* ---- what comes ------------------------------------------------------------------------------------------------ */

static void received_text(const struct connection *connection, const unsigned char *text, size_t length) {
    const unsigned char *end = text + length, *at = text;
    count.text_bytes += length;
    while ((at = memmem(at, end - at, marker, marker_length))) {
        count.messages++;
        at += marker_length;
        if (tell) tell(connection, (const char *)at);
    }
}

static void received_compressed(struct connection *connection, unsigned char *payload, size_t length) {
    static unsigned char tail[] = {0, 0, 0xff, 0xff};
    if (!connection->inflater) {
        connection->inflater = calloc(1, sizeof(z_stream));
        if (inflateInit2(connection->inflater, -15) != Z_OK) die("no inflater");
    }
    z_stream *stream = connection->inflater;
    stream->next_out = inflated;
    stream->avail_out = INFLATED_ROOM;
    for (int part = 0; part < 2; part++) {
        stream->next_in = part ? tail : payload;
        stream->avail_in = part ? sizeof tail : (unsigned)length;
        int status = inflate(stream, Z_SYNC_FLUSH);
        if (stream->avail_in > 0 || (status != Z_OK && status != Z_BUF_ERROR)) die("a compressed frame is broken");
    }
    count.compressed_frames++;
    received_text(connection, inflated, INFLATED_ROOM - stream->avail_out);
}

static void received_frame(struct connection *connection, int first, unsigned char *payload, size_t length,
                           int header) {
    switch (first & 0x0f) {
    case 1:
        count.frames++;
        count.payload_bytes += length + header;
        if (first & 0x40)
            received_compressed(connection, payload, length);
        else
            received_text(connection, payload, length);
        break;
    case 8:
        hang_up(connection, false);
        break;
    case 9: {
        unsigned char pong[131] = {0x8a, 0x80 | (unsigned char)length, 0, 0, 0, 0};
        memcpy(pong + 6, payload, length);
        send_bytes(connection, pong, length + 6);
        break;
    }
    }
}

/* Takes the frame that stands first; returns its bytes, 0 while it is not whole. */
static size_t take_frame(struct connection *connection, unsigned char *bytes, size_t length) {
    if (length < 2) return 0;
    size_t size = bytes[1], header = 2;
    if (size == 126) {
        if (length < 4) return 0;
        size = (size_t)bytes[2] << 8 | bytes[3];
        header = 4;
    } else if (size == 127) {
        if (length < 10) return 0;
        size = (size_t)bytes[6] << 24 | bytes[7] << 16 | bytes[8] << 8 | bytes[9];
        header = 10;
    }
    if (length < header + size) return 0;
    received_frame(connection, bytes[0], bytes + header, size, (int)header);
    return header + size;
}

/* Takes the answer that stands first; returns its bytes, 0 while it is not whole. */
static size_t take_answer(struct connection *connection, unsigned char *bytes, size_t length) {
    unsigned char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end) return 0;
    *end = 0;
    int status = atoi((char *)bytes + 9);
    char *field = strcasestr((char *)bytes, "\r\ncontent-length:");
    *end = '\r';
    size_t size = end + 4 - bytes + (status == 101 || !field ? 0 : atoi(field + 17));
    if (length < size) return 0;
    if (connection->state == UPGRADING) {
        if (status != 101) die("the upgrade was answered with %d: %.*s", status, (int)length, bytes);
        connection->state = OPEN;
        handshakes--;
        count.opened++;
        subscribe(connection);
        return size;
    }
    connection->awaits_answer = false;
    count.answers++;
    if (status / 100 != 2 && count.failures++ == 0) fprintf(stderr, "load: %.*s\n", (int)length, bytes);
    return size;
}

static void received(struct connection *connection, unsigned char *bytes, size_t length) {
    if (connection->in_length > 0) {
        if (connection->in_room < connection->in_length + length) {
            connection->in_room = connection->in_length + length;
            connection->in = realloc(connection->in, connection->in_room);
        }
        memcpy(connection->in + connection->in_length, bytes, length);
        bytes = connection->in;
        length += connection->in_length;
    }
    size_t used = 0, size = 1;
    while (size > 0 && used < length && connection->state != CLOSED) {
        bool is_http = connection->is_poster || connection->state == UPGRADING;
        size = (is_http ? take_answer : take_frame)(connection, bytes + used, length - used);
        used += size;
    }
    if (connection->state == CLOSED) return;
    connection->in_length = length - used;
    if (connection->in_length == 0) {
        free(connection->in);
        connection->in = NULL;
        connection->in_room = 0;
    } else if (bytes == connection->in) {
        memmove(connection->in, bytes + used, connection->in_length);
    } else {
        connection->in_room = connection->in_length;
        connection->in = realloc(connection->in, connection->in_room);
        memcpy(connection->in, bytes + used, connection->in_length);
    }
}

static void secure(struct connection *connection) {
    connection->state = SECURING;
    int result = connection->ssl ? SSL_do_handshake(connection->ssl) : 1;
    if (result == 1) {
        connection->state = UPGRADING;
        watch(connection, false);
        if (connection->is_poster) {
            connection->state = OPEN;
            handshakes--;
            count.opened++;
        } else {
            upgrade(connection);
        }
        return;
    }
    int error = SSL_get_error(connection->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) die("a TLS handshake failed");
    watch(connection, error == SSL_ERROR_WANT_WRITE);
}

/* Reads what is there; returns its bytes, 0 if nothing is, or less if the connection is over. */
static int receive(struct connection *connection) {
    if (!connection->ssl) {
        ssize_t length = read(connection->fd, room, ROOM);
        return length > 0 ? (int)length : length < 0 && errno == EAGAIN ? 0 : -1;
    }
    int length = SSL_read(connection->ssl, room, ROOM);
    if (length > 0) return length;
    bool waits = SSL_get_error(connection->ssl, length) == SSL_ERROR_WANT_READ;
    ERR_clear_error();
    return waits ? 0 : -1;
}

static void serve(struct connection *connection, uint32_t events) {
    if (connection->state == CONNECTING && !connection->ssl && !(events & EPOLLOUT)) return;
    if (connection->state == CONNECTING || connection->state == SECURING) {
        secure(connection);
        if (connection->state < UPGRADING) return;
    }
    if (events & EPOLLOUT) flush_out(connection);
    while (connection->state != CLOSED) {
        int length = receive(connection);
        if (length <= 0) {
            if (length < 0) hang_up(connection, false);
            return;
        }
        received(connection, room, length);
        if (connection->state == CLOSED) return;
        if (connection->is_slow && connection->state == OPEN && (connection->allowance -= length) <= 0) {
            pause_reading(connection);
            return;
        }
        if (length < 16384 && (!connection->ssl || SSL_pending(connection->ssl) == 0)) return;
    }
}

void allow_slow(int from, int to, double seconds) {
    for (struct connection *connection = &all[from]; connection < &all[to]; connection++) {
        if (connection->state != OPEN) continue;
        connection->allowance += seconds * options.slow_bytes;
        if (!connection->is_paused || connection->allowance <= 0) continue;
        connection->is_paused = false;
        watch_again(connection);
        /* What OpenSSL holds already is not told by the socket. */
        serve(connection, EPOLLIN);
    }
}

/* Serves what is ready; waits for at most so many seconds. */
void turn(double seconds) {
    static struct epoll_event events[512];
    int wait = seconds <= 0 ? 0 : (int)(seconds * 1000) + 1;
    int ready = epoll_wait(poller, events, 512, wait);
    for (int place = 0; place < ready; place++) serve(events[place].data.ptr, events[place].events);
}

void turn_until(double end) {
    for (double time = now(); time < end; time = now()) turn(end - time < 0.1 ? end - time : 0.1);
}

/* Opens connections from..<to, some at a time. */
void open_all(int from, int to) {
    double limit = now() + 120 + (to - from) / 50;
    uint64_t goal = count.opened + (to - from);
    for (int next = from; count.opened < goal;) {
        while (next < to && handshakes < HANDSHAKES_AT_ONCE) start(&all[next++]);
        turn(0.1);
        if (now() > limit) die("only %ju of %d connections stand", (uintmax_t)count.opened, to);
    }
}

struct connection *make_connections(int subscribers, int posters) {
    all = calloc(subscribers + posters, sizeof *all);
    for (int number = 0; number < subscribers; number++) all[number].number = number;
    for (int number = 0; number < posters; number++)
        all[subscribers + number] = (struct connection){.is_poster = true, .number = number};
    return all + subscribers;
}

void prepare_clients(const char *text, void (*told)(const struct connection *, const char *)) {
    marker = text;
    tell = told;
    marker_length = strlen(text);
    inflated = malloc(INFLATED_ROOM);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    poller = epoll_create1(EPOLL_CLOEXEC);
}
