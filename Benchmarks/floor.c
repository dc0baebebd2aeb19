/*
 * What the work costs at least, to compare with: one epoll loop that does for messages what the kernel and OpenSSL
 * need, and nothing else. It checks no token and no JSON, keeps no history, and gives one fixed answer.
 *
 *   floor PORT [CERTIFICATE KEY]     over TLS if there is a certificate
 *
 * A GET is a WebSocket handshake, a POST goes to all WebSockets, in a frame that is made once. For the load of
 * load.c alone, on the loopback interface: a client that breaks the rules ends the program.
 * Build: cc -O2 -o floor floor.c -lssl -lcrypto
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 1 << 18 };

struct peer {
    int fd, member; /* its place among the members, or -1 */
    SSL *ssl;
    bool is_ready;
    char *in; /* of a request that is not whole yet */
    size_t in_length;
    char *out; /* what the socket did not take */
    size_t out_length;
};

static int poller;
static SSL_CTX *context;
static struct peer **members;
static int member_count, member_room;
static char room[ROOM];

static void die(const char *why) {
    perror(why);
    exit(1);
}

static void leave(struct peer *peer) {
    if (peer->member >= 0) {
        members[peer->member] = members[--member_count];
        members[peer->member]->member = peer->member;
    }
    if (peer->ssl) SSL_free(peer->ssl);
    close(peer->fd);
    free(peer->in);
    free(peer->out);
    free(peer);
}

static void watch(struct peer *peer, int how) {
    uint32_t events = EPOLLIN | (peer->out_length > 0 ? EPOLLOUT : 0);
    struct epoll_event event = {.events = events, .data.ptr = peer};
    if (epoll_ctl(poller, how, peer->fd, &event) < 0) die("epoll_ctl");
}

static size_t transmit(struct peer *peer, const char *bytes, size_t length) {
    ssize_t sent = peer->ssl ? SSL_write(peer->ssl, bytes, (int)length) : send(peer->fd, bytes, length, MSG_NOSIGNAL);
    return sent > 0 ? (size_t)sent : 0;
}

static void put(struct peer *peer, const char *bytes, size_t length) {
    size_t sent = peer->out_length ? 0 : transmit(peer, bytes, length);
    if (sent == length) return;
    peer->out = realloc(peer->out, peer->out_length + length - sent);
    memcpy(peer->out + peer->out_length, bytes + sent, length - sent);
    peer->out_length += length - sent;
    watch(peer, EPOLL_CTL_MOD);
}

static void drain(struct peer *peer) {
    size_t sent = transmit(peer, peer->out, peer->out_length);
    peer->out_length -= sent;
    memmove(peer->out, peer->out + sent, peer->out_length);
    if (peer->out_length == 0) watch(peer, EPOLL_CTL_MOD);
}

/* The handshake of RFC 6455, section 4.2.2. */
static void accept_member(struct peer *peer, char *head) {
    char *key = strcasestr(head, "\r\nsec-websocket-key: "), text[128], answer[256];
    unsigned char digest[20], proof[32];
    if (!key) die("no key");
    int length = snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 21);
    SHA1((unsigned char *)text, length, digest);
    EVP_EncodeBlock(proof, digest, sizeof digest);
    length = snprintf(answer, sizeof answer,
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: %s\r\n\r\n",
                      proof);
    if (member_count == member_room) members = realloc(members, (member_room += 1024) * sizeof *members);
    peer->member = member_count;
    members[member_count++] = peer;
    put(peer, answer, length);
}

static void publish(struct peer *peer, const char *body, size_t length) {
    static const char answer[] = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    static char frame[ROOM + 10];
    size_t header = length < 126 ? 2 : length < 65536 ? 4 : 10;
    frame[0] = (char)0x81;
    if (header == 2) frame[1] = (char)length;
    else {
        frame[1] = header == 4 ? 126 : 127;
        for (size_t place = 2; place < header; place++) frame[place] = (char)(length >> 8 * (header - 1 - place));
    }
    memcpy(frame + header, body, length);
    for (int number = 0; number < member_count; number++) put(members[number], frame, header + length);
    put(peer, answer, sizeof answer - 1);
}

/* Takes the request that stands first; returns its bytes, 0 while it is not whole. */
static size_t take(struct peer *peer, char *bytes, size_t length) {
    char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end) return 0;
    end[2] = 0; /* the end of the last field stays */
    char *field = *bytes == 'P' ? strcasestr(bytes, "\r\ncontent-length: ") : NULL;
    size_t head = end + 4 - bytes, body = field ? strtoul(field + 18, NULL, 10) : 0;
    end[2] = '\r';
    if (length < head + body) return 0;
    if (*bytes == 'P') publish(peer, bytes + head, body);
    else accept_member(peer, bytes);
    return head + body;
}

static bool receive(struct peer *peer) {
    ssize_t some = peer->ssl ? SSL_read(peer->ssl, room + peer->in_length, ROOM - 1 - peer->in_length)
                             : recv(peer->fd, room + peer->in_length, ROOM - 1 - peer->in_length, 0);
    if (some <= 0) {
        bool waits = peer->ssl ? SSL_get_error(peer->ssl, (int)some) == SSL_ERROR_WANT_READ : some < 0 && errno == EAGAIN;
        if (!waits) leave(peer);
        return false;
    }
    if (peer->member >= 0) return true; /* pongs */
    memcpy(room, peer->in, peer->in_length);
    size_t length = peer->in_length + some, used = 0, size;
    room[length] = 0;
    while (used < length && (size = take(peer, room + used, length - used)) > 0) used += size;
    peer->in_length = length - used;
    if (peer->in_length > 0) {
        peer->in = realloc(peer->in, peer->in_length);
        memcpy(peer->in, room + used, peer->in_length);
    }
    return peer->ssl != NULL && SSL_pending(peer->ssl) > 0;
}

static void serve(struct peer *peer, uint32_t events) {
    if (!peer->is_ready) {
        int result = SSL_accept(peer->ssl);
        if (result != 1) {
            if (SSL_get_error(peer->ssl, result) != SSL_ERROR_WANT_READ) leave(peer);
            return;
        }
        peer->is_ready = true;
    }
    if (events & EPOLLOUT) drain(peer);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        while (receive(peer)) {}
}

static void take_peer(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct peer *peer = calloc(1, sizeof *peer);
    *peer = (struct peer){.fd = fd, .member = -1, .is_ready = context == NULL};
    if (context) {
        peer->ssl = SSL_new(context);
        SSL_set_fd(peer->ssl, fd);
    }
    watch(peer, EPOLL_CTL_ADD);
}

int main(int count, char **values) {
    if (count != 2 && count != 4) return 64;
    signal(SIGPIPE, SIG_IGN);
    if (count == 4) {
        context = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
        if (SSL_CTX_use_certificate_chain_file(context, values[2]) != 1 ||
            SSL_CTX_use_PrivateKey_file(context, values[3], SSL_FILETYPE_PEM) != 1)
            die("certificate");
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(values[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) die("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[512];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poller, events, 512, -1);
        for (int place = 0; place < ready; place++) {
            if (events[place].data.ptr) serve(events[place].data.ptr, events[place].events);
            else take_peer(listener);
        }
    }
}
