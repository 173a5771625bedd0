/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/limit.c: raises the soft limit on descriptors to the hard limit, while
 * an enabling exists. A file with probes costs some descriptors, and probes
 * made at run time have files of their own in each process; old kernels need a
 * descriptor for each site. The soft limit exists for programs that use
 * select(2), so it is restored.
 * Owns: the process's soft limit, from the first kern_limit_raise to the
 * last kern_limit_restore. The limit belongs to the process, so all enablings
 * share its old value.
 */
#include "kernel/inner.h"

#include <pthread.h>
#include <sys/resource.h>

static struct {
	pthread_mutex_t lock;
	unsigned users;
	struct rlimit was;
	bool raised;
} limit = { .lock = PTHREAD_MUTEX_INITIALIZER };

void kern_limit_raise(void)
{
	struct rlimit high;

	pthread_mutex_lock(&limit.lock);
	if (!limit.users++ && !getrlimit(RLIMIT_NOFILE, &limit.was)) {
		high = limit.was;
		high.rlim_cur = high.rlim_max;
		limit.raised = high.rlim_cur != limit.was.rlim_cur &&
			       !setrlimit(RLIMIT_NOFILE, &high);
	}
	pthread_mutex_unlock(&limit.lock);
}

void kern_limit_restore_child(void)
{
	if (limit.raised)
		setrlimit(RLIMIT_NOFILE, &limit.was);
}

void kern_limit_restore(void)
{
	pthread_mutex_lock(&limit.lock);
	if (!--limit.users) {
		kern_limit_restore_child();
		limit.raised = false;
	}
	pthread_mutex_unlock(&limit.lock);
}
