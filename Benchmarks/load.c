/*
 * The load of the benchmarks: many WebSocket subscribers and some HTTP producers in one light process.
 *
 *   load fanout   subscribers of one scan (or --scans), messages at a fixed rate; CPU of the server for each delivered
 *                 message
 *   load post     keep-alive connections that post as fast as they are answered; CPU of the server for each request
 *   load idle     two numbers of idle subscribers; the server's memory for each connection between them
 *   load scans    a subscriber each for many scans; the server's memory before, after messages, and after quiet
 *
 * With --plain there is no TLS. With --slow and --stopped some subscribers of fanout read slowly or not at all, and the
 * latency of the others counts. With --follow N each of them follows N of the scans by one socket; with --idle the
 * server's CPU without messages is measured first, and told apart.
 * The server's CPU time is utime + stime of /proc/PID/stat over the window alone, so what this program costs is not in
 * it. Prints one JSON object. Build: cc -O2 -o load load.c client.c latency.c server.c -lssl -lcrypto -lz
 */
#include "client.h"
#include "latency.h"
#include "server.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGES = 512 };

static char *bodies[MESSAGES];

/* ---- messages: what a scanner of hosts, ports and services posts --------------------------------------------- */

static const char *services[] = {"http", "https", "ssh", "smtp", "imap", "dns", "mysql", "postgresql", "redis", "smb"};
static const char *products[] = {"nginx", "Apache httpd", "OpenSSH", "Postfix smtpd", "Dovecot imapd", "ISC BIND",
                                 "MySQL", "PostgreSQL DB", "Redis key-value store", "Samba smbd"};
static const char *reasons[] = {"syn-ack", "reset", "no-response", "echo-reply"};
static const char *words[] = {"server", "header", "missing", "policy", "certificate", "self-signed", "expires",
                              "cipher",
                              "weak", "protocol", "version", "outdated", "disclosed", "directory", "listing", "enabled",
                              "default", "credentials", "anonymous", "access", "allowed", "methods", "cookie", "flag"};

static int pick(int bound) { return (int)(random() % bound); }

static void make_body(int number) {
    int service = pick(10);
    bool is_critical = options.critical > 0 && number % options.critical == 0;
    char *body = malloc(options.bytes + 512);
    int length = sprintf(
        body,
        "{\"type\":\"%s\",\"timestamp\":\"2025-06-%02dT%02d:%02d:%02d.%03dZ\",\"host\":\"10.%d.%d.%d\","
        "\"hostname\":\"srv-%d.corp.example\",\"port\":%d,\"protocol\":\"tcp\",\"state\":\"open\",\"reason\":\"%s\","
        "\"ttl\":%d,\"rtt_ms\":%d.%03d,\"service\":{\"name\":\"%s\",\"product\":\"%s\",\"version\":\"%d.%d.%d\","
        "\"confidence\":%d},\"nonce\":\"%08lx%04x\",\"notes\":\"",
        is_critical ? "phaseStarted" : "portFound",
        1 + number / 86400 % 28, number / 3600 % 24, number / 60 % 60, number % 60, pick(1000), pick(4), pick(256),
        pick(256), pick(4000), 1 + pick(10000), reasons[pick(4)], 32 + pick(96), pick(200), pick(1000),
        services[service],
        products[service], 1 + pick(9), pick(20), pick(30), pick(11), random(), pick(65536));
    while (length < options.bytes - 2) {
        const char *word = words[pick(24)];
        length += sprintf(body + length, "%s ", word);
    }
    if (length > options.bytes - 2) length = options.bytes - 2;
    strcpy(body + length, "\"}");
    bodies[number] = body;
    expect_message(body, number, is_critical ? CRITICAL : ORDINARY);
}

/* ---- the cases --------------------------------------------------------------------------------------------------- */

/* Slow subscribers, their memory and the others' latency, as far as there are any. */
static void print_slow(long memory_before) {
    if (!options.admin) return;
    long memory = server_memory_kib();
    printf("\"slow\":%d,\"stopped\":%d,\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"critical_p50_ms\":%.1f,"
           "\"critical_p99_ms\":%.1f,\"fell_behind\":%.0f,\"rss_before_kib\":%ld,\"rss_kib\":%ld,",
           options.slow, options.stopped, latency_ms(ORDINARY, 0.5), latency_ms(ORDINARY, 0.99),
           latency_ms(CRITICAL, 0.5), latency_ms(CRITICAL, 0.99), server_metric("sluice_fell_behind_total"),
           memory_before, memory);
}

static void begin_window(double *cpu, double *own) {
    uint64_t opened = count.opened, lost = count.lost;
    memset(&count, 0, sizeof count);
    count.opened = opened;
    count.lost = lost;
    forget_latencies();
    *own = own_cpu();
    *cpu = server_cpu();
}

static void fan_out(void) {
    struct connection *producer = make_connections(options.subscribers, 1);
    for (int number = 0; number < options.stopped + options.slow; number++) all[number].is_slow = true;
    if (!options.follow)
        for (int number = 0; number < options.subscribers; number++) all[number].number = number % options.scans;
    open_all(options.subscribers, options.subscribers + 1);
    for (int scan = 0; scan < options.scans; scan++) {
        producer->number = scan;
        post(producer, "{\"type\":\"scanStarted\"}");
        while (producer->awaits_answer) turn(1);
    }
    open_all(0, options.subscribers);
    /* That may have taken longer than a server keeps an idle connection. */
    hang_up(producer, true);
    open_all(options.subscribers, options.subscribers + 1);
    long memory = server_memory_kib();
    double idle_cores = 0;
    if (options.idle > 0) {
        turn_until(now() + options.warmup);
        double used = server_cpu(), since = now();
        turn_until(since + options.idle);
        idle_cores = (server_cpu() - used) / (now() - since);
        /* As above. */
        hang_up(producer, true);
        open_all(options.subscribers, options.subscribers + 1);
    }

    double begin = now(), window = begin + options.warmup, end = window + options.seconds;
    double next_post = begin, next_join = begin + 1, last_allowed = begin, cpu = 0, own = 0;
    bool is_measuring = false;
    int sent = 0, joined = 0;
    for (double time = begin; time < end; time = now()) {
        if (!is_measuring && time >= window) {
            is_measuring = true;
            window = time;
            begin_window(&cpu, &own);
        }
        if (time >= next_post && !producer->awaits_answer) {
            message_posted(sent % MESSAGES);
            producer->number = sent % options.scans;
            post(producer, bodies[sent++ % MESSAGES]);
            next_post += 1.0 / options.rate;
        }
        for (; options.joins > 0 && time >= next_join; next_join += 1.0 / options.joins) {
            struct connection *place = &all[joined++ * 7 % options.subscribers];
            hang_up(place, true);
            start(place);
        }
        allow_slow(options.stopped, options.stopped + options.slow, time - last_allowed);
        last_allowed = time;
        double until = next_post < end ? next_post : end;
        turn(producer->awaits_answer ? 0.01 : until - now());
        if (producer->state == CLOSED) die("the producer's connection was closed");
    }
    cpu = server_cpu() - cpu;
    double passed = now() - window;
    if (count.failures > 0) die("%ju posts were refused", (uintmax_t)count.failures);
    if (count.messages == 0) die("nothing was delivered");
    double messages = (double)count.messages;
    double expected = (double)count.posts * options.subscribers / options.scans * (options.follow ? options.follow : 1);
    printf("{\"case\":\"%s\",", options.name);
    print_slow(memory);
    if (options.idle > 0)
        printf("\"idle_cores\":%.3f,\"cpu_us_beyond_idle\":%.3f,", idle_cores,
               (cpu - idle_cores * passed) * 1e6 / messages);
    printf("\"subscribers\":%d,\"posted\":%ju,\"delivered\":%ju,\"delivered_share\":%.3f,"
           "\"frames\":%ju,\"compressed_frames\":%ju,\"cpu_us_per_message\":%.3f,\"cpu_us_per_frame\":%.3f,"
           "\"bytes_per_message\":%.1f,\"raw_bytes_per_message\":%.1f,\"ratio\":%.4f,\"server_cores\":%.3f,"
           "\"load_cores\":%.3f,\"lost_connections\":%ju,\"seconds\":%.2f}\n",
           options.subscribers, (uintmax_t)count.posts, (uintmax_t)count.messages,
           messages / expected, (uintmax_t)count.frames,
           (uintmax_t)count.compressed_frames, cpu * 1e6 / messages, cpu * 1e6 / (double)count.frames,
           (double)count.payload_bytes / messages, (double)count.text_bytes / messages,
           (double)count.payload_bytes / (double)count.text_bytes, cpu / passed, (own_cpu() - own) / passed,
           (uintmax_t)count.lost, passed);
}

/* Joins messages to arrays, for requests that carry several. */
static void make_arrays(void) {
    char *messages[MESSAGES];
    memcpy(messages, bodies, sizeof bodies);
    for (int number = 0; number < MESSAGES; number++) {
        char *array = malloc((size_t)options.array * (options.bytes + 1) + 2), *end = array;
        *end++ = '[';
        for (int place = 0; place < options.array; place++)
            end += sprintf(end, "%s%s", place ? "," : "", messages[(number + place) % MESSAGES]);
        strcpy(end, "]");
        bodies[number] = array;
    }
}

static void post_all(void) {
    if (options.array > 1) make_arrays();
    struct connection *posters = make_connections(0, options.connections);
    open_all(0, options.connections);
    double begin = now(), window = begin + options.warmup, end = window + options.seconds, cpu = 0, own = 0;
    bool is_measuring = false;
    int sent = 0;
    for (double time = begin; time < end; time = now()) {
        if (!is_measuring && time >= window) {
            is_measuring = true;
            count.answers = 0;
            window = time;
            own = own_cpu();
            cpu = server_cpu();
        }
        for (int number = 0; number < options.connections; number++) {
            if (posters[number].state == CLOSED) die("a producer's connection was closed");
            if (!posters[number].awaits_answer) post(&posters[number], bodies[sent++ % MESSAGES]);
        }
        turn(0.1);
    }
    cpu = server_cpu() - cpu;
    double passed = now() - window;
    if (count.failures > 0) die("%ju posts were refused", (uintmax_t)count.failures);
    printf("{\"case\":\"%s\",\"connections\":%d,\"posts\":%ju,\"posts_per_second\":%.0f,\"cpu_us_per_post\":%.3f,"
           "\"cpu_us_per_message\":%.3f,\"server_cores\":%.3f,\"load_cores\":%.3f,\"seconds\":%.2f}\n",
           options.name, options.connections, (uintmax_t)count.answers, (double)count.answers / passed,
           cpu * 1e6 / (double)count.answers, cpu * 1e6 / (double)count.answers / options.array, cpu / passed,
           (own_cpu() - own) / passed, passed);
}

static void idle(void) {
    struct connection *producer = make_connections(options.second, 1);
    open_all(options.second, options.second + 1);
    post(producer, "{\"type\":\"scanStarted\"}");
    while (producer->awaits_answer) turn(1);
    /* Both readings come after heartbeats, which every connection has to have buffers for. */
    open_all(0, options.first);
    turn_until(now() + options.seconds);
    long before = server_memory_kib();
    open_all(options.first, options.second);
    turn_until(now() + options.seconds);
    double cpu = server_cpu(), time = now();
    turn_until(now() + options.seconds);
    cpu = (server_cpu() - cpu) / (now() - time);
    long after = server_memory_kib();
    if (count.lost > 0) die("%ju idle connections were closed", (uintmax_t)count.lost);
    printf("{\"case\":\"%s\",\"first\":%d,\"second\":%d,\"memory_before_kib\":%ld,\"memory_after_kib\":%ld,"
           "\"kib_per_connection\":%.2f,\"idle_cpu_us_per_connection_second\":%.2f}\n",
           options.name, options.first, options.second, before, after,
           (double)(after - before) / (options.second - options.first), cpu * 1e6 / options.second);
}

/* Has one producer post to every scan, one after another. */
static void post_to_all(struct connection *producer, const char *body) {
    open_all(options.subscribers, options.subscribers + 1);
    for (int number = 0; number < options.subscribers; number++) {
        producer->number = number;
        post(producer, body ? body : bodies[number % MESSAGES]);
        while (producer->awaits_answer) turn(1);
    }
    if (count.failures > 0) die("%ju posts were refused", (uintmax_t)count.failures);
    hang_up(producer, true);
}

static void follow_scans(void) {
    if (options.array > 1) make_arrays();
    struct connection *producer = make_connections(options.subscribers, 1);
    post_to_all(producer, "{\"type\":\"scanStarted\"}");
    long scans = server_memory_kib();
    open_all(0, options.subscribers);
    turn_until(now() + options.seconds);
    long idle = server_memory_kib();
    post_to_all(producer, NULL);
    turn_until(now() + 2);
    long after = server_memory_kib();
    double compressors = server_metric("sluice_compressor_bytes");
    double refused = server_metric("sluice_compressors_refused_total");
    uint64_t compressed = count.compressed_frames, messages = count.messages;
    turn_until(now() + options.quiet);
    long quiet = server_memory_kib();
    double kept = server_metric("sluice_compressor_bytes");
    post_to_all(producer, NULL);
    turn_until(now() + 2);
    if (count.lost > 0) die("%ju subscribers were closed", (uintmax_t)count.lost);
    printf("{\"case\":\"%s\",\"scans\":%d,\"messages\":%ju,\"compressed_frames\":%ju,\"compressors_refused\":%.0f,"
           "\"rss_scans_kib\":%ld,\"rss_idle_kib\":%ld,\"rss_after_messages_kib\":%ld,\"rss_after_quiet_kib\":%ld,"
           "\"rss_kib\":%ld,\"compressor_kib\":%.0f,\"compressor_kib_after_quiet\":%.0f}\n",
           options.name, options.subscribers, (uintmax_t)messages, (uintmax_t)compressed, refused, scans, idle, after,
           quiet, server_memory_kib(), compressors / 1024, kept / 1024);
}

static void read_options(int count_of, char **values) {
    static const struct option known[] = {
        {"name", 1, 0, 'n'},     {"port", 1, 0, 'p'},        {"pid", 1, 0, 'i'},   {"subscribe", 1, 0, 's'},
        {"publish", 1, 0, 'u'},  {"token", 1, 0, 't'},       {"rate", 1, 0, 'r'},  {"subscribers", 1, 0, 'c'},
        {"bytes", 1, 0, 'b'},    {"connections", 1, 0, 'k'}, {"first", 1, 0, '1'}, {"second", 1, 0, '2'},
        {"seconds", 1, 0, 'S'},  {"warmup", 1, 0, 'w'},      {"joins", 1, 0, 'j'},   {"array", 1, 0, 'a'},
        {"deflate", 0, 0, 'd'},  {"admin", 1, 0, 'A'},       {"slow", 1, 0, 'l'},  {"slow-bytes", 1, 0, 'L'},
        {"stopped", 1, 0, 'o'},  {"critical", 1, 0, 'C'},    {"quiet", 1, 0, 'q'},
        {"plain", 0, 0, 'P'},    {"scans", 1, 0, 'x'},        {"follow", 1, 0, 'f'}, {"idle", 1, 0, 'I'},
        {0, 0, 0, 0}};
    for (int option; (option = getopt_long(count_of, values, "", known, NULL)) != -1;) switch (option) {
        case 'n': options.name = optarg; break;
        case 'p': options.port = atoi(optarg); break;
        case 'i': options.pid = atoi(optarg); break;
        case 's': options.subscribe = optarg; break;
        case 'u': options.publish = optarg; break;
        case 't': options.token = optarg; break;
        case 'r': options.rate = atoi(optarg); break;
        case 'c': options.subscribers = atoi(optarg); break;
        case 'b': options.bytes = atoi(optarg); break;
        case 'k': options.connections = atoi(optarg); break;
        case '1': options.first = atoi(optarg); break;
        case '2': options.second = atoi(optarg); break;
        case 'S': options.seconds = atof(optarg); break;
        case 'w': options.warmup = atof(optarg); break;
        case 'j': options.joins = atoi(optarg); break;
        case 'a': options.array = atoi(optarg); break;
        case 'd': options.deflate = true; break;
        case 'P': options.plain = true; break;
        case 'x': options.scans = atoi(optarg); break;
        case 'f': options.follow = atoi(optarg); break;
        case 'I': options.idle = atof(optarg); break;
        case 'A': options.admin = atoi(optarg); break;
        case 'l': options.slow = atoi(optarg); break;
        case 'L': options.slow_bytes = atoi(optarg); break;
        case 'o': options.stopped = atoi(optarg); break;
        case 'C': options.critical = atoi(optarg); break;
        case 'q': options.quiet = atof(optarg); break;
        default: exit(64);
        }
    if (options.bytes < 450) die("a message has at least 450 bytes");
    if (optind + 1 != count_of || options.pid <= 0 || options.port <= 0 || options.bytes * options.array > 100000)
        die("usage: load --pid N --port N [options] fanout|post|idle|scans");
    int slow = options.slow + options.stopped;
    if (slow > 0 && (options.joins > 0 || slow >= options.subscribers))
        die("slow subscribers are some of those that stay");
}

int main(int count_of, char **values) {
    read_options(count_of, values);
    signal(SIGPIPE, SIG_IGN);
    srandom(1);
    for (int number = 0; number < MESSAGES; number++) make_body(number);
    /* Latencies are told of where there is an admin listener to compare them with. */
    prepare_clients(NONCE, options.admin ? message_came : NULL);
    const char *what = values[optind];
    if (strcmp(what, "fanout") == 0) fan_out();
    else if (strcmp(what, "post") == 0) post_all();
    else if (strcmp(what, "idle") == 0) idle();
    else if (strcmp(what, "scans") == 0) follow_scans();
    else die("no such case: %s", what);
    return 0;
}
