/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/usdt/dump.c: prints the probes that libusdt-read finds in a file (with
 * -p PID, in the files of a process), a line for each site.
 */
#include "usdt/usdt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_arg(const struct usdt_arg *a)
{
	static const char *const kinds[] = { "BAD", "CONST", "REG", "MEM", "PAIR" };

	printf(" %s%u%s:%s", a->is_signed ? "-" : "", a->size, a->is_float ? "f" : "",
	       kinds[a->kind]);
	if (a->kind == USDT_ARG_BAD)
		printf("(%s: %s)", a->text, a->why);
	else if (a->kind == USDT_ARG_CONST)
		printf("(%" PRId64 ")", a->disp);
	else if (a->kind == USDT_ARG_REG)
		printf("(%d/%u)", a->base.offset, a->base.width);
	else if (a->kind == USDT_ARG_PAIR)
		printf("(%d:%d)", a->index.offset, a->base.offset);
	else
		printf("(%d+%d*%u%+" PRId64 "%s)", a->base.offset, a->index.offset, a->scale,
		       a->is_address ? 0 : a->disp, a->is_address ? " symbol" : "");
}

static void print_types(const struct usdt_types *t)
{
	printf("  types");
	for (size_t i = 0; i < usdt_types_nargs(t); i++)
		printf(" [%s|%s]", usdt_types_arg(t, i), usdt_types_arg_name(t, i));
	printf(" ->");
	for (size_t i = 0; i < usdt_types_nxargs(t); i++)
		printf(" [%s|%s=%zu]", usdt_types_xarg(t, i), usdt_types_xarg_name(t, i),
		       usdt_types_map(t, i));
	printf(" attr");
	for (unsigned i = 0; i < 5; i++)
		printf(" %u/%u/%u", usdt_types_attribute(t, i, 0), usdt_types_attribute(t, i, 1),
		       usdt_types_attribute(t, i, 2));
	printf("\n");
}

static void print_file(const struct usdt_file *f)
{
	if (usdt_file_nbad(f))
		printf("bad notes: %zu\n", usdt_file_nbad(f));
	for (size_t i = 0; i < usdt_file_nprobes(f); i++) {
		const struct usdt_probe *p = usdt_file_probe(f, i);

		for (size_t k = 0; k < usdt_probe_nsites(p); k++) {
			const struct usdt_site *s = usdt_probe_site(p, k);

			printf("%s:%s:%s off=0x%" PRIx64 " addr=0x%" PRIx64 " sem=0x%" PRIx64
			       "/0x%" PRIx64 " args=\"%s\"",
			       usdt_probe_provider(p), usdt_site_function(s), usdt_probe_name(p),
			       usdt_site_offset(s), usdt_site_address(s),
			       usdt_site_semaphore_offset(s), usdt_site_semaphore_address(s),
			       usdt_site_args_text(s));
			for (size_t n = 0; n < usdt_site_nargs(s); n++)
				print_arg(usdt_site_arg(s, n));
			printf("\n");
		}
		if (usdt_probe_types(p))
			print_types(usdt_probe_types(p));
	}
}

static int print_process(int pid)
{
	struct usdt_proc *proc;
	int err = usdt_proc_open(pid, &proc);

	if (err)
		return err;
	for (size_t i = 0; i < usdt_proc_nobjects(proc); i++) {
		const struct usdt_object *o = usdt_proc_object(proc, i);
		struct usdt_file *f;
		uint64_t bias = 0;

		err = usdt_object_open(o, &f);
		if (err) {
			printf("%s: %s\n", usdt_object_path(o), strerror(-err));
			continue;
		}
		usdt_file_bias(f, usdt_object_start(o), usdt_object_offset(o), &bias);
		printf("%s bias=0x%" PRIx64 "\n", usdt_object_path(o), bias);
		print_file(f);
		usdt_file_close(f);
	}
	usdt_proc_close(proc);
	return 0;
}

int main(int argc, char **argv)
{
	struct usdt_file *f;
	int err;

	if (argc == 3 && !strcmp(argv[1], "-p")) {
		err = print_process(atoi(argv[2]));
		if (err)
			fprintf(stderr, "%s: %s\n", argv[2], strerror(-err));
		return err != 0;
	}
	for (int i = 1; i < argc; i++) {
		err = usdt_file_open(argv[i], &f);
		if (err) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-err));
			return 1;
		}
		print_file(f);
		usdt_file_close(f);
	}
	return 0;
}
