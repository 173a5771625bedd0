/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/fuzz/fuzz_note.c: reads any bytes as an ELF file, and walks all probes and sites found.
 * Built with libFuzzer under --enable-fuzzers; else main replays the files given as arguments.
 */
#include "usdt/usdt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct usdt_file *f)
{
	size_t sum = 0;

	for (size_t i = 0; i < usdt_file_nprobes(f); i++) {
		const struct usdt_probe *p = usdt_file_probe(f, i);
		const struct usdt_types *t = usdt_probe_types(p);

		sum += strlen(usdt_probe_provider(p)) + strlen(usdt_probe_name(p));
		for (size_t k = 0; k < usdt_probe_nsites(p); k++) {
			const struct usdt_site *s = usdt_probe_site(p, k);

			sum += strlen(usdt_site_function(s)) + strlen(usdt_site_args_text(s));
			for (size_t n = 0; n < usdt_site_nargs(s); n++)
				sum += strlen(usdt_site_arg(s, n)->text);
		}
		for (size_t n = 0; t && n < usdt_types_nxargs(t); n++)
			sum += strlen(usdt_types_xarg(t, n)) +
			       strlen(usdt_types_arg(t, usdt_types_map(t, n)));
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static volatile size_t sink;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct usdt_file *f;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (!usdt_file_open_fd(fd, "fuzz", &f)) {
		sink = sink + walk(f);
		usdt_file_close(f);
	}
	close(fd);
	return 0;
}

#ifndef FUZZING
int main(int argc, char **argv)
{
	static uint8_t bytes[1 << 20];

	for (int i = 1; i < argc; i++) {
		FILE *in = fopen(argv[i], "rb");

		if (!in) {
			perror(argv[i]);
			return 1;
		}
		LLVMFuzzerTestOneInput(bytes, fread(bytes, 1, sizeof(bytes), in));
		fclose(in);
	}
	return argc < 2;
}
#endif
