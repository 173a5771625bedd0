/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/fuzz/fuzz_d.c: parses and checks any bytes as D: the front end reports
 * or accepts, and never crashes, hangs or leaks.
 * The first byte chooses the kind of text (-P, -m … or a script; from 128 on, a
 * provider file, which may hold more declarations). Built with libFuzzer under
 * --enable-fuzzers; else main replays the files given as arguments.
 */
#include "d/d.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char specs[] = { 0, 'P', 'm', 'f', 'n', 'i' };
	static const char *const argv[] = { "x.d", "12", "foo", "\"a b\"" };
	static const struct d_macro macros[] = { { "target", "321" } };
	struct d_config config = { .argc = 4,
				   .argv = argv,
				   .opt.argref_ok = true,
				   .macros = macros,
				   .nmacros = 1,
				   .opt.strsize = 256,
				   .providers = size && data[0] >= 128 };
	struct diag diag = { .limit = 10 };
	struct arena *a = arena_new();
	struct text *t = a && size ? text_new(a, "f.d", (const char *)data + 1, size - 1) : NULL;
	struct d *d = t ? d_new(a, &diag, &config) : NULL;

	/* A failure must have reported an error. */
	if (d && !d_parse(d, t, specs[data[0] % sizeof(specs)]) && !diag.errors)
		abort();
	if (d && !diag.errors && !d_check(d) && !diag.errors)
		abort();
	d_free(d);
	arena_free(a);
	return 0;
}

#ifndef FUZZING
int main(int argc, char **argv)
{
	static uint8_t buf[1 << 20];

	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");

		if (!f) {
			perror(argv[i]);
			return 1;
		}
		LLVMFuzzerTestOneInput(buf, fread(buf, 1, sizeof(buf), f));
		fclose(f);
	}
	printf("%d inputs\n", argc - 1);
	return argc < 2;
}
#endif
