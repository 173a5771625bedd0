/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/trace/app.c: fires app:::hit a known number of times.
 *
 *	app [-t threads] [-n hits a thread] [-k keys] [-l key length] [-f] [-w file] [-v]
 *
 * Hit i of every thread passes i % 100 and the string key<i % keys>, padded
 * to the key length. -f: the string of each hit lies on a file page that is
 * not in memory, so that reading the string must fault. -w: first waits until
 * the file exists. -v: prints the number of hits.
 */
#include "app.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int threads = 1, keys = 4, fresh, verbose;
static long hits = 1000;
static size_t length = 8;
static char key[64][4096];

enum { PAGES = 16 }; /* the kernel maps 16 pages around a fault */

static char *file_page(void)
{
	size_t size = PAGES * 4096;
	char name[] = "/tmp/usdtkit-app.XXXXXX";
	int fd = mkstemp(name);
	char *p;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		exit(3);
	unlink(name);
	for (size_t i = 0; i < PAGES; i++)
		if (pwrite(fd, key[i % (size_t)keys], strlen(key[i % (size_t)keys]) + 1,
			   (off_t)(i * 4096)) < 0)
			exit(3);
	p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static void *work(void *arg)
{
	char *pages = fresh ? file_page() : NULL;

	for (long i = 0; i < hits; i++) {
		if (fresh) {
			char *s = pages + (i % keys) * 4096;

			APP_HIT(i % 100, s);
			madvise(pages, PAGES * 4096, MADV_DONTNEED);
		} else {
			APP_HIT(i % 100, key[i % keys]);
		}
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t tid[64];
	const char *wait = NULL;
	int c;

	while ((c = getopt(argc, argv, "t:n:k:l:fvw:")) != -1)
		switch (c) {
		case 't': threads = atoi(optarg); break;
		case 'n': hits = atol(optarg); break;
		case 'k': keys = atoi(optarg); break;
		case 'l': length = (size_t)atoi(optarg); break;
		case 'f': fresh = 1; break;
		case 'v': verbose = 1; break;
		case 'w': wait = optarg; break;
		default: return 2;
		}
	for (int i = 0; i < keys; i++) {
		memset(key[i], 'x', length);
		snprintf(key[i], sizeof(key[i]), "key%d", i);
		if (strlen(key[i]) < length)
			key[i][strlen(key[i])] = '.';
	}
	while (wait && access(wait, F_OK))
		usleep(10000); /* long: hundreds of these may wait on an emulated CPU */
	APP_START_WORK(threads);
	for (int i = 0; i < threads; i++)
		pthread_create(&tid[i], NULL, work, NULL);
	for (int i = 0; i < threads; i++)
		pthread_join(tid[i], NULL);
	if (verbose)
		printf("%ld\n", hits * threads);
	return 0;
}
