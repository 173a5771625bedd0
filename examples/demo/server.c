/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * examples/demo/server.c: a small request server. It reads a line with a path
 * from each client of a UNIX socket, answers with that file's size, and ends
 * after the given number of requests.
 *
 *	server SOCKET REQUESTS
 */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void answer(int client, int id)
{
	char path[256], text[64];
	ssize_t n = read(client, path, sizeof(path) - 1);
	struct stat st;
	int len;

	if (n <= 0)
		return;
	path[n] = '\0';
	path[strcspn(path, "\n")] = '\0';
	SERVER_REQUEST_START(id, path);
	len = snprintf(text, sizeof(text), "%lld\n", stat(path, &st) ? -1 : (long long)st.st_size);
	usleep(2000); /* stands for a request's work */
	if (write(client, text, (size_t)len) != len)
		perror("server: write");
	SERVER_REQUEST_DONE(id, (size_t)len);
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int requests = argc == 3 ? atoi(argv[2]) : 0, fd;

	if (requests <= 0) {
		fprintf(stderr, "usage: server SOCKET REQUESTS\n");
		return 2;
	}
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[1]);
	unlink(argv[1]);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 16)) {
		perror("server");
		return 1;
	}
	for (int id = 1; id <= requests; id++) {
		int client = accept(fd, NULL, NULL);

		if (client < 0) {
			perror("server: accept");
			return 1;
		}
		answer(client, id);
		close(client);
	}
	unlink(argv[1]);
	return 0;
}
