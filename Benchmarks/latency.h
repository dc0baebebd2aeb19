/* From a message's POST to its receipt, for each subscriber that is not slow. */
#ifndef LATENCY_H
#define LATENCY_H

#include "client.h"

enum { ORDINARY, CRITICAL, KINDS };

/* What stands in each message, before a random number of eight digits in hex. */
#define NONCE "\"nonce\":\""

/* Says which message has this text, and which kind it is. */
void expect_message(const char *body, int number, int kind);
/* The message was sent now. */
void message_posted(int number);
/* A message came; the text begins with its nonce. */
void message_came(const struct connection *connection, const char *text);
void forget_latencies(void);
/* Milliseconds within which this share of a kind came. */
double latency_ms(int kind, double share);

#endif
