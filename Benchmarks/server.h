/* What is known of the server's process: from outside, and from its own metrics. */
#ifndef SERVER_H
#define SERVER_H

/* Seconds of CPU that the server has used. */
double server_cpu(void);
long server_memory_kib(void);
/* One sample of the admin listener's metrics, by its name as it stands there; -1 if there is none. */
double server_metric(const char *name);
/* Seconds of CPU that this program has used. */
double own_cpu(void);

#endif
