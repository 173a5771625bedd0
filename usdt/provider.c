/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/provider.c: libusdt's public face: providers and probes made at run
 * time.
 * In:   names and prototypes.
 * Out:  points that can be fired.
 * Owns: providers, until usdt_provider_free; points, until they are removed
 *       or their provider is freed.
 *
 * Firing takes no lock and may happen anywhere, in signal handlers too. All
 * else is rare and done under one lock, which a fork waits for: the child
 * has it free.
 */
#include "usdt/live.h"

#include <ctype.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct usdt_provider {
	char *name;
	struct usdt_region *regions; /* the newest first */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void lock_it(void)
{
	pthread_mutex_lock(&lock);
}

static void unlock_it(void)
{
	pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
	pthread_atfork(lock_it, unlock_it, unlock_it);
}

/* ---- Names -------------------------------------------------------------------------- */

static bool is_name(const char *s, size_t len, size_t max, bool dashes)
{
	if (!len || len > max || isdigit((unsigned char)*s) || *s == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_' && !(dashes && s[i] == '-'))
			return false;
	return true;
}

/* A function may have any name that a probe description can hold: Class.method, operator<<. */
static bool is_function(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)s[i]))
			return false;
	return len && len <= USDT_LIVE_NAME;
}

/* request-start and request__start name the same probe: the note has the latter. */
static char *note_name(const char *s)
{
	char *name = malloc(2 * strlen(s) + 1), *to = name;

	for (; name && *s; s++) {
		*to++ = *s == '-' ? '_' : *s;
		if (*s == '-')
			*to++ = '_';
	}
	if (name)
		*to = '\0';
	return name;
}

/* ---- Providers ----------------------------------------------------------------------- */

int usdt_provider_new(const char *name, struct usdt_provider **provider)
{
	size_t len = name ? strlen(name) : 0;
	struct usdt_provider *p;

	*provider = NULL;
	/* A name must not end in a digit: the guide puts the process id behind it. */
	if (!len || !is_name(name, len, USDT_LIVE_PROVIDER, false) ||
	    isdigit((unsigned char)name[len - 1]))
		return -EINVAL;
	pthread_once(&once, watch_forks);
	p = calloc(1, sizeof(*p));
	if (p)
		p->name = strdup(name);
	if (!p || !p->name) {
		free(p);
		return -ENOMEM;
	}
	*provider = p;
	return 0;
}

void usdt_provider_free(struct usdt_provider *p)
{
	if (!p)
		return;
	lock_it();
	while (p->regions) {
		struct usdt_region *r = p->regions;

		p->regions = r->next;
		usdt_region_free(r);
	}
	unlock_it();
	free(p->name);
	free(p);
}

/* A hidden region with a free slot; else a new one, four times the size of the largest hidden. */
static struct usdt_region *room_in(struct usdt_provider *p)
{
	enum { MOST = 1 << 20 }; /* bytes of a half: slot.site holds it and a count */
	size_t half = (size_t)sysconf(_SC_PAGESIZE);
	struct usdt_region *r;

	for (r = p->regions; r; r = r->next) {
		if (usdt_region_visible(r))
			continue;
		if (r->n < r->cap)
			return r;
		if (half <= r->half)
			half = r->half < MOST ? 4 * r->half : r->half;
	}
	r = usdt_region_new(half);
	if (r) {
		r->next = p->regions;
		p->regions = r;
	}
	return r;
}

/* Probes of one name in two functions are one probe to tracers, so they must have one prototype. */
static int check_others(const struct usdt_provider *p, const struct usdt_made *made)
{
	for (const struct usdt_region *r = p->regions; r; r = r->next)
		for (size_t i = 0; i < r->n; i++) {
			const struct usdt_made *other = r->made[i];

			if (!other || strcmp(other->name, made->name))
				continue;
			if (!strcmp(other->function, made->function))
				return -EEXIST;
			if (!usdt_proto_same(&other->proto, &made->proto))
				return -EINVAL;
		}
	return 0;
}

/* "name" or "function:name". */
static int made_new(const char *name, const char *prototype, struct usdt_made **made)
{
	const char *colon = name ? strrchr(name, ':') : NULL, *probe = colon ? colon + 1 : name;
	struct usdt_made *m;
	int err;

	if (!name || !is_name(probe, strlen(probe), USDT_LIVE_NAME, true) ||
	    (colon && !is_function(name, (size_t)(colon - name))))
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->name = note_name(probe);
	if (m->name)
		m->function = colon ? strndup(name, (size_t)(colon - name)) : strdup(m->name);
	err = m->function ? usdt_proto_parse(prototype, &m->proto) : -ENOMEM;
	if (err)
		usdt_made_free(m);
	else
		*made = m;
	return err;
}

int usdt_provider_add(struct usdt_provider *p, const char *name, const char *prototype,
		      struct usdt_point **point)
{
	struct usdt_made *made = NULL;
	struct usdt_region *r;
	int err = made_new(name, prototype, &made);

	*point = NULL;
	if (err)
		return err;
	lock_it();
	err = check_others(p, made);
	r = err ? NULL : room_in(p);
	if (r) {
		*point = usdt_region_slot(r, r->n);
		r->made[r->n++] = made;
		r->live++;
	} else if (!err) {
		err = -ENOMEM;
	}
	unlock_it();
	if (err)
		usdt_made_free(made);
	return err;
}

int usdt_provider_remove(struct usdt_provider *p, struct usdt_point *point)
{
	int err = -ENOENT;
	size_t i;

	lock_it();
	for (struct usdt_region **link = &p->regions, *r; (r = *link); link = &r->next) {
		if (!usdt_region_holds(r, point, &i))
			continue;
		usdt_made_free(r->made[i]);
		r->made[i] = NULL;
		point->site = 0;
		if (!--r->live) {
			*link = r->next;
			usdt_region_free(r);
		}
		err = 0;
		break;
	}
	unlock_it();
	return err;
}

/*
 * Debuggers, and dtrace -c, stop at a function that the loader calls after it
 * has mapped an object. Calling that function lets dtrace -c attach before the
 * first probe fires.
 */
static void tell_debuggers(void)
{
#ifdef __GLIBC__
#pragma weak _r_debug
	if (&_r_debug && _r_debug.r_brk)
		((void (*)(void))_r_debug.r_brk)();
#endif
}

int usdt_provider_enable(struct usdt_provider *p)
{
	struct usdt_region *r, *shown = NULL;
	int err = 0;

	lock_it();
	for (r = p->regions; r && !err; r = r->next) {
		if (usdt_region_visible(r) || !r->live)
			continue;
		err = usdt_region_show(r, p->name);
		if (err)
			break;
		r->fresh = true;
		shown = r;
	}
	for (r = p->regions; r; r = r->next) {
		if (err && r->fresh)
			usdt_region_hide(r); /* all or nothing */
		r->fresh = false;
	}
	unlock_it();
	if (shown && !err)
		tell_debuggers();
	return err;
}

int usdt_provider_disable(struct usdt_provider *p)
{
	int err = 0, e;

	lock_it();
	for (struct usdt_region *r = p->regions; r; r = r->next) {
		e = usdt_region_visible(r) ? usdt_region_hide(r) : 0;
		err = err ? err : e;
	}
	unlock_it();
	return err;
}

/* ---- Points --------------------------------------------------------------------------- */

bool usdt_point_is_enabled(const struct usdt_point *point)
{
	return usdt_point_enabled(point);
}

typedef void few_fn(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
typedef void many_fn(const uint64_t *args);

/* The slot holds the distance to its stub and the number of arguments in one word, because another
 * thread may hide the stub at any time. The last call of each branch becomes a jump. So the stub's
 * caller, in stacks and in ucaller, is the code that fires and not this library. */
void usdt_point_fire(const struct usdt_point *point, const uint64_t *args)
{
	enum { COUNT = 15 };
	uint32_t site = __atomic_load_n(&point->site, __ATOMIC_ACQUIRE), n = site & COUNT;
	uintptr_t stub = (uintptr_t)point - (site & ~(uint32_t)COUNT);

	if (!site)
		return;
#define ARG(i) (n > (i) ? args[i] : 0)
	if (n <= USDT_LIVE_FEW)
		((few_fn *)stub)(ARG(0), ARG(1), ARG(2), ARG(3), ARG(4), ARG(5));
	else
		((many_fn *)stub)(args);
#undef ARG
}

unsigned usdt_version(void)
{
	return USDT_VERSION;
}
