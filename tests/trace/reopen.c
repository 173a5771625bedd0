/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/trace/reopen.c: maps, fires and unmaps libraries with probes, step by step.
 *
 *	reopen STEP…
 *
 * A library has two variables: fire, a pointer to a function that fires n times, and semaphore, a
 * pointer to the probe's semaphore. "The library" is the library opened last.
 *	+PATH	open a library; print its name and address
 *	N	fire the library's probe N times
 *	-	close the library
 *	/	keep the address range of the last library occupied, so that the next lies elsewhere
 *	?	print the library's semaphore
 *	!	wait until the semaphore is not 0: a tracer has attached; a minute at most
 *	@PATH	print "ready", wait until the file exists
 *	>A=B	rename A to B: another file gets the name B
 */
#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *handle[8];
static int n;
static uintptr_t base;

static void *variable(const char *name)
{
	void *p = n ? dlsym(handle[n - 1], name) : NULL;

	if (!p)
		exit(3);
	return p;
}

static void map(const char *path)
{
	void *h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	struct link_map *m;

	if (!h || dlinfo(h, RTLD_DI_LINKMAP, &m)) {
		fprintf(stderr, "%s\n", dlerror());
		exit(3);
	}
	handle[n++] = h;
	base = (uintptr_t)m->l_addr;
	printf("%s %#lx\n", strrchr(path, '/') + 1, (unsigned long)base);
}

static void step(char *s)
{
	char *to = strchr(s, '=');

	switch (*s) {
	case '+': map(s + 1); break;
	case '-': dlclose(handle[--n]); break;
	case '/':
		if (mmap((void *)base, 4096, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
			exit(4);
		break;
	case '?':
		printf("semaphore %d\n", **(volatile unsigned short **)variable("semaphore"));
		break;
	case '!':
		for (int i = 0; !**(volatile unsigned short **)variable("semaphore"); i++)
			if (i > 60000 || usleep(1000))
				exit(6);
		break;
	case '@':
		puts("ready");
		fflush(stdout);
		while (access(s + 1, F_OK) && getppid() != 1)
			usleep(1000);
		break;
	case '>':
		*to = '\0';
		if (rename(s + 1, to + 1))
			exit(5);
		break;
	default: (*(void (**)(long))variable("fire"))(atol(s));
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		step(argv[i]);
	return 0;
}
