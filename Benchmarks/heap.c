// Counts a program's allocations by the C library's allocator, which Swift's runtime and BoringSSL use, too. Preloaded.
// The counts stand in the file that HEAP_COUNTS names, which the reader maps: a struct counts. They are of one process.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// Blocks are told apart by size in steps of 16 bytes; the last row is of all that are larger.
enum { STEP = 16, ROWS = 4096 };

struct counts {
    _Atomic uint64_t allocations, live_bytes, live[ROWS];
};

static struct counts early; // what is allocated before the file is there
static struct counts *counts = &early;

// The C library's own, which need no looking up by dlsym: that allocates.
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static void add(void *block, int sign) {
    size_t bytes = malloc_usable_size(block), row = bytes / STEP < ROWS ? bytes / STEP : ROWS - 1;
    atomic_fetch_add_explicit(&counts->live_bytes, (uint64_t)(sign * (int64_t)bytes), memory_order_relaxed);
    atomic_fetch_add_explicit(&counts->live[row], (uint64_t)(int64_t)sign, memory_order_relaxed);
}

static void *taken(void *block) {
    if (block == NULL) return NULL;
    atomic_fetch_add_explicit(&counts->allocations, 1, memory_order_relaxed);
    add(block, 1);
    return block;
}

void *malloc(size_t bytes) { return taken(__libc_malloc(bytes)); }
void *calloc(size_t count, size_t bytes) { return taken(__libc_calloc(count, bytes)); }
void *memalign(size_t alignment, size_t bytes) { return taken(__libc_memalign(alignment, bytes)); }
void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **place, size_t alignment, size_t bytes) {
    void *block = memalign(alignment, bytes);
    if (block == NULL) return ENOMEM;
    *place = block;
    return 0;
}

void free(void *block) {
    if (block == NULL) return;
    add(block, -1);
    __libc_free(block);
}

void *realloc(void *block, size_t bytes) {
    if (block == NULL) return malloc(bytes);
    if (bytes == 0) {
        free(block);
        return NULL;
    }
    add(block, -1);
    void *moved = __libc_realloc(block, bytes);
    if (moved == NULL) add(block, 1);
    return taken(moved);
}

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("HEAP_COUNTS");
    int file = name ? open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file < 0 || ftruncate(file, sizeof early) < 0) abort();
    struct counts *shared = mmap(NULL, sizeof early, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED) abort();
    close(file);
    // One thread runs yet.
    shared->allocations = early.allocations;
    shared->live_bytes = early.live_bytes;
    for (int row = 0; row < ROWS; row++) shared->live[row] = early.live[row];
    counts = shared;
}
