/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Calls fn for a process's first thread, then for the others, until fn returns
 * true. The first thread may have ended and left an empty entry in /proc, while
 * any other thread still shows the process's mappings. Each thread may end
 * meanwhile. false: fn returned true for no thread.
 */
bool threads_any(pid_t pid, bool (*fn)(void *arg, pid_t tid), void *arg);

#endif
