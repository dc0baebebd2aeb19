/* The connections of the load generator: TLS or none, the HTTP and WebSocket that a client needs, and what they count. */
#ifndef CLIENT_H
#define CLIENT_H

#define _GNU_SOURCE
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

enum state { CLOSED, CONNECTING, SECURING, UPGRADING, OPEN };

struct connection {
    int fd;
    SSL *ssl;
    enum state state;
    bool is_poster, awaits_answer, wants_write;
    bool is_slow;     /* reads no more than its allowance */
    bool is_paused;   /* reads nothing */
    double allowance; /* bytes that a slow one may still read */
    unsigned char *in; /* what came of a frame or answer that is not whole yet */
    size_t in_length, in_room;
    unsigned char *out; /* what the socket did not take yet */
    size_t out_length;
    z_stream *inflater;
    int number;
};

struct options {
    const char *name, *subscribe, *publish, *token;
    int port, pid, admin, subscribers, connections, first, second, joins, rate, bytes, array, scans, follow;
    int slow, stopped, slow_bytes, critical;
    double seconds, warmup, quiet, idle;
    bool deflate, plain;
};

struct counts {
    uint64_t messages, frames, compressed_frames, payload_bytes, text_bytes, answers, posts, failures, opened, lost;
};

extern struct options options;
extern struct counts count;
extern struct connection *all; /* subscribers, then posters */

/* Says why on stderr and ends the program. */
void die(const char *format, ...);
/* Seconds of a clock that only goes forward. */
double now(void);
/* Makes what all connections share. Each message delivered is to have this text once; what is told of it, if anything
 * is, is the text after that. */
void prepare_clients(const char *marker, void (*tell)(const struct connection *, const char *));
/* Makes room for closed connections in `all`; returns the posters. */
struct connection *make_connections(int subscribers, int posters);
/* Opens the connections from..<to, some at a time, and waits until they stand. */
void open_all(int from, int to);
/* Opens one, without waiting. */
void start(struct connection *connection);
/* Has one that stands read nothing from now on. */
void pause_reading(struct connection *connection);
/* Gives the slow ones among from..<to what they may read after so many seconds. */
void allow_slow(int from, int to, double seconds);
/* Closes one. */
void hang_up(struct connection *connection, bool is_wanted);
/* Sends one request. */
void post(struct connection *connection, const char *body);
/* Serves what is ready; waits for at most so many seconds. */
void turn(double seconds);
void turn_until(double end);

#endif
