#include "server.h"

#include "client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

double server_cpu(void) {
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

long server_memory_kib(void) {
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

double server_metric(const char *name) {
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    static char text[1 << 18];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options.admin)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        write(fd, request, sizeof request - 1) != sizeof request - 1)
        die("the admin listener takes no request");
    size_t length = 0;
    for (ssize_t some; (some = read(fd, text + length, sizeof text - 1 - length)) > 0;) length += some;
    close(fd);
    text[length] = 0;
    char line[256];
    snprintf(line, sizeof line, "\n%s ", name);
    char *sample = strstr(text, line);
    return sample ? atof(sample + strlen(line)) : -1;
}

double own_cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}
