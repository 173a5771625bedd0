/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/trace/maps.c: maps any files executable, as a loader would, and waits.
 *
 *	maps [-w file] [-n times] folder…
 *
 * Maps each file of the folders n times (1), and prints the number of
 * mappings. -w: first waits until the file exists.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static long map_file(int dir, const char *name, int times)
{
	int fd = openat(dir, name, O_RDONLY);
	struct stat st;
	long n = 0;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size)
		for (int i = 0; i < times; i++) {
			char *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_EXEC, MAP_PRIVATE,
				       fd, 0);

			if (p == MAP_FAILED)
				exit(3);
			n++;
		}
	if (fd >= 0)
		close(fd);
	return n;
}

int main(int argc, char **argv)
{
	const char *wait = NULL;
	int c, times = 1;
	long n = 0;

	while ((c = getopt(argc, argv, "w:n:")) != -1)
		switch (c) {
		case 'w': wait = optarg; break;
		case 'n': times = atoi(optarg); break;
		default: return 2;
		}
	while (wait && access(wait, F_OK))
		usleep(1000);
	for (; optind < argc; optind++) {
		DIR *dir = opendir(argv[optind]);
		struct dirent *e;

		if (!dir)
			return 4;
		while ((e = readdir(dir)))
			n += map_file(dirfd(dir), e->d_name, times);
		closedir(dir);
	}
	printf("%ld\n", n);
	fflush(stdout);
	for (;;)
		pause();
}
