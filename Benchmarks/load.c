/*
 * The load of the benchmarks: many WebSocket subscribers and some HTTP producers in one light process.
 *
 *   load fanout   subscribers of one scan, messages at a fixed rate; CPU of the server for each delivered message
 *   load post     keep-alive connections that post as fast as they are answered; CPU of the server for each request
 *   load idle     two numbers of idle subscribers; the server's memory for each connection between them
 *
 * The server's CPU time is utime + stime of /proc/PID/stat over the window alone, so what this program costs is not in
 * it. Prints one JSON object. Build: cc -O2 -o load load.c client.c -lssl -lcrypto -lz
 */
#include "client.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MESSAGES = 512 };

static char *bodies[MESSAGES];

/* Seconds of CPU that the server has used. */
static double server_cpu(void) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", options.pid);
    FILE *file = fopen(path, "r");
    if (!file) die("the server (process %d) is gone", options.pid);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    char *after_name = strrchr(text, ')');
    unsigned long user, system;
    if (!after_name ||
        sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        die("%s is not understood", path);
    return (double)(user + system) / sysconf(_SC_CLK_TCK);
}

static long server_memory_kib(void) {
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", options.pid);
    FILE *file = fopen(path, "r");
    if (!file) die("the server (process %d) is gone", options.pid);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
    fclose(file);
    return kib;
}

static double own_cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

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
    char *body = malloc(options.bytes + 512);
    int length = sprintf(
        body,
        "{\"type\":\"portFound\",\"timestamp\":\"2025-06-%02dT%02d:%02d:%02d.%03dZ\",\"host\":\"10.%d.%d.%d\","
        "\"hostname\":\"srv-%d.corp.example\",\"port\":%d,\"protocol\":\"tcp\",\"state\":\"open\",\"reason\":\"%s\","
        "\"ttl\":%d,\"rtt_ms\":%d.%03d,\"service\":{\"name\":\"%s\",\"product\":\"%s\",\"version\":\"%d.%d.%d\","
        "\"confidence\":%d},\"nonce\":\"%08lx%04x\",\"notes\":\"",
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
}

/* ---- the cases --------------------------------------------------------------------------------------------------- */

static void fan_out(void) {
    struct connection *producer = make_connections(options.subscribers, 1);
    open_all(options.subscribers, options.subscribers + 1);
    post(producer, "{\"type\":\"scanStarted\"}");
    while (producer->awaits_answer) turn(1);
    open_all(0, options.subscribers);

    double begin = now(), window = begin + options.warmup, end = window + options.seconds;
    double next_post = begin, next_join = begin + 1, cpu = 0, own = 0;
    bool is_measuring = false;
    int sent = 0, joined = 0;
    for (double time = begin; time < end; time = now()) {
        if (!is_measuring && time >= window) {
            is_measuring = true;
            uint64_t opened = count.opened, lost = count.lost;
            memset(&count, 0, sizeof count);
            count.opened = opened;
            count.lost = lost;
            window = time;
            own = own_cpu();
            cpu = server_cpu();
        }
        if (time >= next_post && !producer->awaits_answer) {
            post(producer, bodies[sent++ % MESSAGES]);
            next_post += 1.0 / options.rate;
        }
        for (; options.joins > 0 && time >= next_join; next_join += 1.0 / options.joins) {
            struct connection *place = &all[joined++ * 7 % options.subscribers];
            hang_up(place, true);
            start(place);
        }
        double until = next_post < end ? next_post : end;
        turn(producer->awaits_answer ? 0.01 : until - now());
        if (producer->state == CLOSED) die("the producer's connection was closed");
    }
    cpu = server_cpu() - cpu;
    double passed = now() - window;
    if (count.failures > 0) die("%ju posts were refused", (uintmax_t)count.failures);
    if (count.messages == 0) die("nothing was delivered");
    double messages = (double)count.messages;
    printf("{\"case\":\"%s\",\"subscribers\":%d,\"posted\":%ju,\"delivered\":%ju,\"delivered_share\":%.3f,"
           "\"frames\":%ju,\"compressed_frames\":%ju,\"cpu_us_per_message\":%.3f,\"cpu_us_per_frame\":%.3f,"
           "\"bytes_per_message\":%.1f,\"raw_bytes_per_message\":%.1f,\"ratio\":%.4f,\"server_cores\":%.3f,"
           "\"load_cores\":%.3f,\"lost_connections\":%ju,\"seconds\":%.2f}\n",
           options.name, options.subscribers, (uintmax_t)count.posts, (uintmax_t)count.messages,
           messages / ((double)count.posts * options.subscribers), (uintmax_t)count.frames,
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

static void read_options(int count_of, char **values) {
    static const struct option known[] = {
        {"name", 1, 0, 'n'},     {"port", 1, 0, 'p'},        {"pid", 1, 0, 'i'},   {"subscribe", 1, 0, 's'},
        {"publish", 1, 0, 'u'},  {"token", 1, 0, 't'},       {"rate", 1, 0, 'r'},  {"subscribers", 1, 0, 'c'},
        {"bytes", 1, 0, 'b'},    {"connections", 1, 0, 'k'}, {"first", 1, 0, '1'}, {"second", 1, 0, '2'},
        {"seconds", 1, 0, 'S'},  {"warmup", 1, 0, 'w'},      {"joins", 1, 0, 'j'},   {"array", 1, 0, 'a'},
        {"deflate", 0, 0, 'd'},
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
        default: exit(64);
        }
    if (options.bytes < 450) die("a message has at least 450 bytes");
    if (optind + 1 != count_of || options.pid <= 0 || options.port <= 0 || options.bytes * options.array > 100000)
        die("usage: load --pid N --port N [options] fanout|post|idle");
}

int main(int count_of, char **values) {
    read_options(count_of, values);
    signal(SIGPIPE, SIG_IGN);
    srandom(1);
    for (int number = 0; number < MESSAGES; number++) make_body(number);
    prepare_clients("\"nonce\":");
    const char *what = values[optind];
    if (strcmp(what, "fanout") == 0) fan_out();
    else if (strcmp(what, "post") == 0) post_all();
    else if (strcmp(what, "idle") == 0) idle();
    else die("no such case: %s", what);
    return 0;
}
