/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/trace/runtime.c: makes probes at run time, and fires them a known
 * number of times.
 *
 *	runtime [-P provider] [-n hits] [-t threads] [-c cycles] [-w gate] MODE
 *
 * -w: after the first enable prints "ready", waits until a consumer has
 * enabled the probe `settle`, and fires `settle` until the file exists. MODE
 * names a function below; -n counts firings of hit(long i, const char *key).
 */
#include "usdt/usdt.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *name = "rtapp", *gate;
static int threads = 1, cycles = 1;
static long hits = 1000;
static struct usdt_provider *provider;
static struct usdt_point *settle, *hit;

static void must(int err)
{
	if (err) {
		fprintf(stderr, "runtime: %s\n", strerror(-err));
		exit(3);
	}
}

static struct usdt_point *add(const char *probe, const char *prototype)
{
	struct usdt_point *p;

	must(usdt_provider_add(provider, probe, prototype, &p));
	return p;
}

static void wait_for_gate(void)
{
	if (!gate)
		return;
	puts("ready");
	fflush(stdout);
	while (access(gate, F_OK)) {
		usdt_fire(settle);
		usleep(1000);
	}
}

static void open_provider(void)
{
	must(usdt_provider_new(name, &provider));
	settle = add("settle", NULL);
	hit = add("hit", "long i, const char *key");
}

static void *fire_hits(void *arg)
{
	static const char *const keys[] = { "zero", "one", "two" };

	for (long i = 0; i < hits; i++)
		usdt_fire(hit, i, keys[i % 3]);
	return arg;
}

/* ---- Modes ------------------------------------------------------------------------- */

static void count(void)
{
	pthread_t tid[64];

	open_provider();
	must(usdt_provider_enable(provider));
	wait_for_gate();
	for (int i = 0; i < threads; i++)
		pthread_create(&tid[i], NULL, fire_hits, NULL);
	for (int i = 0; i < threads; i++)
		pthread_join(tid[i], NULL);
}

struct request {
	int id;
	char url[32];
};

/* noinline: a frame for stacks. */
__attribute__((noinline)) static void serve(struct usdt_point *p, struct request *r)
{
	usdt_fire(p, r, r->id);
	__asm__ volatile("");
}

static void types(void)
{
	struct request r = { 42, "/index.html" };
	struct usdt_point *ints, *more, *reals, *strings, *request;

	must(usdt_provider_new(name, &provider));
	settle = add("settle", NULL);
	ints = add("ints",
		   "int8_t, uint8_t, short, unsigned short, int, unsigned, long, unsigned long, "
		   "char, bool");
	more = add("more",
		   "int64_t, uint32_t, long long, enum e, int8_t, int16_t, int32_t, int64_t, "
		   "uint8_t, uint16_t, uint32_t, uint64_t");
	reals = add("reals",
		    "double d, float f, int after, float, double, char *, double, float last");
	strings = add("main:strings", "const char *s, string t, char name[16], void *none");
	request = add("request", "struct request *r, int id");
	must(usdt_provider_enable(provider));
	wait_for_gate();
	usdt_fire(ints, -128, 255, -32768, 65535, -2147483647 - 1, 4294967295u, -1L, ~0ul, 'x',
		  true);
	usdt_fire(more, INT64_MIN, 0x80000000u, -2LL, -3, -1, -2, -3, -4L, 254, 65534, 4294967294u,
		  UINT64_MAX - 1);
	usdt_fire(reals, 3.25, -0.5f, 7, 1e30f, -1.0 / 3, "txt", 1e-300, 0.1f);
	usdt_fire(strings, "hello", "", r.url, NULL);
	serve(request, &r);
}

static void many(void)
{
	struct usdt_point **p = calloc((size_t)hits, sizeof(struct usdt_point *));
	char probe[32];

	open_provider();
	for (long i = 0; i < hits; i++) {
		snprintf(probe, sizeof(probe), "probe-%ld", i);
		p[i] = add(probe, "int");
	}
	must(usdt_provider_enable(provider));
	wait_for_gate();
	for (long i = 0; i < hits; i++)
		usdt_fire(p[i], (int)i);
	free(p);
}

/* Providers that exist at the same time, each in a file of its own. */
static void providers(void)
{
	struct usdt_point **p = calloc((size_t)cycles, sizeof(struct usdt_point *));

	for (int i = 0; i < cycles; i++) {
		open_provider();
		must(usdt_provider_enable(provider));
		p[i] = hit;
	}
	wait_for_gate();
	for (int i = 0; i < cycles; i++)
		usdt_fire(p[i], (long)i, "x");
	free(p);
}

/* Makes and frees a provider in each cycle. */
static void lives(void)
{
	for (int i = 0; i < cycles; i++) {
		open_provider();
		must(usdt_provider_enable(provider));
		if (!i)
			wait_for_gate();
		fire_hits(NULL);
		usdt_provider_free(provider);
	}
}

/* Enables and disables the provider; hits while it is disabled do not count. */
static void toggle(void)
{
	open_provider();
	for (int i = 0; i < cycles; i++) {
		must(usdt_provider_enable(provider));
		fire_hits(NULL);
		must(usdt_provider_disable(provider));
		fire_hits(NULL);
		usdt_point_fire(hit, (const uint64_t[]){ 1, 0 });
	}
}

/* Adds, fires and removes points while a tracer counts other points. */
static void come_and_go(void)
{
	open_provider();
	must(usdt_provider_enable(provider));
	wait_for_gate();
	for (int i = 0; i < cycles; i++) {
		struct usdt_point *a = add("brief", "int i"), *b = add("other", "int i");

		must(usdt_provider_enable(provider));
		fire_hits(NULL);
		usdt_fire(a, i);
		must(usdt_provider_remove(provider, a));
		usdt_fire(b, i);
		fire_hits(NULL);
		must(usdt_provider_remove(provider, b));
	}
}

/* A child disables the provider that it inherited; the parent's stays. A second child fires. */
static void forks(void)
{
	int status;
	pid_t pid;

	open_provider();
	must(usdt_provider_enable(provider));
	wait_for_gate();
	for (int i = 0; i < 2; i++) {
		pid = fork();
		if (!pid) {
			if (!i)
				usdt_provider_free(provider);
			else
				fire_hits(NULL);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (status)
			exit(4);
		fire_hits(NULL);
	}
	printf("child %d\n", (int)pid);
}

static void *flicker(void *arg)
{
	for (int i = 0; i < cycles; i++) {
		must(usdt_provider_disable(arg));
		must(usdt_provider_enable(arg));
	}
	return arg;
}

/* Threads fire while the provider is enabled and disabled: no count is known; nothing may crash. */
static void storm(void)
{
	pthread_t tid[64], other;

	open_provider();
	must(usdt_provider_enable(provider));
	wait_for_gate();
	for (int i = 0; i < threads; i++)
		pthread_create(&tid[i], NULL, fire_hits, NULL);
	pthread_create(&other, NULL, flicker, provider);
	for (int i = 0; i < threads; i++)
		pthread_join(tid[i], NULL);
	pthread_join(other, NULL);
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "count", count },
	{ "types", types },
	{ "many", many },
	{ "providers", providers },
	{ "lives", lives },
	{ "toggle", toggle },
	{ "come-and-go", come_and_go },
	{ "forks", forks },
	{ "storm", storm },
};

int main(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "P:n:t:c:w:")) != -1)
		switch (c) {
		case 'P': name = optarg; break;
		case 'n': hits = atol(optarg); break;
		case 't': threads = atoi(optarg); break;
		case 'c': cycles = atoi(optarg); break;
		case 'w': gate = optarg; break;
		default: return 2;
		}
	for (size_t i = 0; optind < argc && i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(modes[i].name, argv[optind])) {
			modes[i].run();
			return 0;
		}
	return 2;
}
