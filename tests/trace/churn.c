/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/trace/churn.c: runs short processes in a row and side by side.
 *
 *	churn [-p processes] [-j at once] [-w file] [-g file] library
 *
 * Each process opens the library, calls its fire(n) with n from 1 to 9, and
 * ends; every third process execs first. -w: no process starts until that file
 * exists; -g: each process waits for that file between opening and firing.
 * Prints the sum of all firings.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void await(const char *path)
{
	while (*path && access(path, F_OK))
		usleep(1000);
}

static int fire(const char *library, const char *gate, int n)
{
	void *h = dlopen(library, RTLD_NOW);
	void (*f)(long) = h ? (void (*)(long))dlsym(h, "fire") : NULL;

	if (!f)
		return 3;
	await(gate);
	f(n);
	return 0;
}

static pid_t start(char *self, char *library, const char *gate, int i)
{
	char n[16];
	pid_t pid = fork();

	if (pid)
		return pid;
	snprintf(n, sizeof(n), "%d", i % 9 + 1);
	if (i % 3 == 0) {
		execl(self, self, "-1", n, "-g", gate, library, (char *)NULL);
		_exit(4);
	}
	_exit(fire(library, gate, i % 9 + 1));
}

int main(int argc, char **argv)
{
	const char *wait_for = "", *gate = "";
	int c, processes = 500, jobs = 8, alone = 0, running = 0, status, bad = 0;
	long total = 0;

	while ((c = getopt(argc, argv, "1:p:j:w:g:")) != -1)
		switch (c) {
		case '1': alone = atoi(optarg); break;
		case 'p': processes = atoi(optarg); break;
		case 'j': jobs = atoi(optarg); break;
		case 'w': wait_for = optarg; break;
		case 'g': gate = optarg; break;
		default: return 2;
		}
	if (optind + 1 != argc)
		return 2;
	if (alone)
		return fire(argv[optind], gate, alone);
	await(wait_for);
	for (int i = 0; i < processes || running;) {
		if (i < processes && running < jobs) {
			if (start(argv[0], argv[optind], gate, i) < 0)
				return 5;
			total += i++ % 9 + 1;
			running++;
		} else {
			if (wait(&status) < 0)
				return 6;
			bad |= status;
			running--;
		}
	}
	printf("%ld\n", total);
	return bad != 0;
}
