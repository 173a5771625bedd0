/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Calls fn for a process's first thread, then for the others, until fn gives true. The first may have ended
 * and left its place in /proc empty, while any other shows what the process has mapped; each may end
 * meanwhile. False: no thread gave true.
 */
bool threads_any(pid_t pid, bool (*fn)(void *arg, pid_t tid), void *arg);

#endif
