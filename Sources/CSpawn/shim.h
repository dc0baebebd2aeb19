#ifndef SLUICE_CSPAWN_SHIM_H
#define SLUICE_CSPAWN_SHIM_H

#include <spawn.h>

/* glibc has it since 2.34, and shows it to GNU's dialect of C alone, which Swift does not speak. */
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
extern int pipe2(int ends[2], int flags);

#endif
