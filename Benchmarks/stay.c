// Keeps a program's first thread: libdispatch ends it by pthread_exit when the work goes on elsewhere, and valgrind 3.19
// does not survive the end of a first thread. Preloaded.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((noreturn)) void pthread_exit(void *value) {
    while (gettid() == getpid()) pause();
    void (*next)(void *) = (void (*)(void *))dlsym(RTLD_NEXT, "pthread_exit");
    next(value);
    abort();
}
