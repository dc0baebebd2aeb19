#include "latency.h"

#include <stdlib.h>
#include <string.h>

/* Tenths of a millisecond; the last place holds all that took longer. */
enum { PLACES = 1 << 12, LONGEST = 100000 };

static struct {
    uint32_t nonce;
    int number, kind;
} places[PLACES];
static double posted_at[PLACES];
static uint32_t counts[KINDS][LONGEST + 1];

static int place_of(uint32_t nonce) {
    int place = nonce % PLACES;
    while (places[place].nonce != 0 && places[place].nonce != nonce) place = (place + 1) % PLACES;
    return place;
}

static uint32_t nonce_of(const char *text) {
    char digits[9] = {0};
    memcpy(digits, text, 8);
    return (uint32_t)strtoul(digits, NULL, 16);
}

void expect_message(const char *body, int number, int kind) {
    uint32_t nonce = nonce_of(strstr(body, NONCE) + strlen(NONCE));
    int place = place_of(nonce);
    if (nonce == 0 || places[place].nonce != 0) die("two messages have the same nonce");
    places[place].nonce = nonce;
    places[place].number = number;
    places[place].kind = kind;
}

void message_posted(int number) { posted_at[number] = now(); }

void message_came(const struct connection *connection, const char *text) {
    if (connection->is_slow) return;
    int place = place_of(nonce_of(text));
    if (places[place].nonce == 0) die("a message came that nobody sent");
    double tenths = (now() - posted_at[places[place].number]) * 1e4;
    counts[places[place].kind][tenths < LONGEST ? (int)tenths : LONGEST]++;
}

void forget_latencies(void) { memset(counts, 0, sizeof counts); }

double latency_ms(int kind, double share) {
    uint64_t total = 0, below = 0;
    for (int tenths = 0; tenths <= LONGEST; tenths++) total += counts[kind][tenths];
    for (int tenths = 0; tenths <= LONGEST; tenths++)
        if ((below += counts[kind][tenths]) >= share * (double)total) return tenths / 10.0;
    return LONGEST / 10.0;
}
