/* Remembers what each file of a folder held when it was last synced: what a machine that loses its power may be left with.
 *
 * Preloaded into a gateway. CUT_FOLDER is the folder to watch, CUT_SHADOW where the copies go. A copy is
 * taken before the sync begins and counts once it has returned; one sync after the other, so that none is outdated.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t one_by_one = PTHREAD_MUTEX_INITIALIZER;

/* The file's name within the watched folder; NULL for all others. */
static const char *watched(const char *path) {
    const char *folder = getenv("CUT_FOLDER");
    size_t length = folder ? strlen(folder) : 0;
    if (length == 0 || strncmp(path, folder, length) != 0 || path[length] != '/' || strchr(path + length + 1, '/'))
        return NULL;
    return path + length + 1;
}

static void shadow_path(char *result, size_t size, const char *name, const char *suffix) {
    snprintf(result, size, "%s/%s%s", getenv("CUT_SHADOW"), name, suffix);
}

/* Copies what the file holds now. */
static int copy(const char *path, const char *name) {
    char target[4096], block[65536];
    struct stat status;
    shadow_path(target, sizeof target, name, ".part");
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0 || fstat(from, &status) != 0 || !S_ISREG(status.st_mode)) {
        if (from >= 0) close(from);
        return -1;
    }
    int to = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t count;
    while (to >= 0 && (count = read(from, block, sizeof block)) > 0)
        if (write(to, block, count) != count) abort();
    close(from);
    if (to < 0) return -1;
    close(to);
    return 0;
}

static void keep(const char *name) {
    char part[4096], whole[4096];
    shadow_path(part, sizeof part, name, ".part");
    shadow_path(whole, sizeof whole, name, "");
    if (rename(part, whole) != 0) abort();
}

static int synced(int descriptor, int (*sync_it)(int)) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    const char *name = watched(path);
    if (name == NULL) return sync_it(descriptor);
    pthread_mutex_lock(&one_by_one);
    int is_copied = copy(path, name) == 0;
    int result = sync_it(descriptor), failure = errno;
    if (result == 0 && is_copied) keep(name);
    pthread_mutex_unlock(&one_by_one);
    errno = failure;
    return result;
}

int fsync(int descriptor) {
    static int (*real)(int);
    if (real == NULL) real = dlsym(RTLD_NEXT, "fsync");
    return synced(descriptor, real);
}

int fdatasync(int descriptor) {
    static int (*real)(int);
    if (real == NULL) real = dlsym(RTLD_NEXT, "fdatasync");
    return synced(descriptor, real);
}

/* The path of what is mapped at an address. */
static void mapped_path(const void *address, char *path, size_t size) {
    char line[8192];
    unsigned long from, to;
    FILE *maps = fopen("/proc/self/maps", "r");
    path[0] = 0;
    while (maps && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx", &from, &to) != 2) continue;
        if ((unsigned long)address < from || (unsigned long)address >= to) continue;
        char *begin = strchr(line, '/');
        if (begin) {
            begin[strcspn(begin, "\n")] = 0;
            snprintf(path, size, "%s", begin);
        }
        break;
    }
    if (maps) fclose(maps);
}

int msync(void *address, size_t length, int flags) {
    static int (*real)(void *, size_t, int);
    char path[4096];
    if (real == NULL) real = dlsym(RTLD_NEXT, "msync");
    mapped_path(address, path, sizeof path);
    const char *name = watched(path);
    if (name == NULL || !(flags & MS_SYNC)) return real(address, length, flags);
    pthread_mutex_lock(&one_by_one);
    int is_copied = copy(path, name) == 0;
    int result = real(address, length, flags), failure = errno;
    if (result == 0 && is_copied) keep(name);
    pthread_mutex_unlock(&one_by_one);
    errno = failure;
    return result;
}
