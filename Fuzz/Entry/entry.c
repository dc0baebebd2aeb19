#include <stddef.h>
#include <stdint.h>
#include "entry.h"

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test)(const uint8_t *, size_t));
int LLVMFuzzerTestOneInput(const uint8_t *start, size_t count);

// The package manager lets a program begin at a function of its own name, which libFuzzer's own main is not.
int sluice_fuzz_main(int argc, char **argv) {
    return LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput);
}
