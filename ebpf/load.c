/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/load.c: loads linked programs, and whole programs of the library, into the kernel.
 * In:   an image; or the name of a program in progs.h, and what the names in it stand for.
 * Out:  the program's descriptor, which the caller owns.
 * Owns: nothing.
 */
#include "config.h"

#include "ebpf/ebpf.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The kernel takes 15 letters, digits, underscores and dots of ASCII for a name; names of probes
 * may hold any byte. */
static void kernel_name(char out[BPF_OBJ_NAME_LEN], const char *name)
{
	static const char takes[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
	size_t n = strnlen(name, BPF_OBJ_NAME_LEN - 1);

	for (size_t i = 0; i < n; i++)
		out[i] = strchr(takes, name[i]) ? name[i] : '_';
	out[n] = '\0';
}

/* GPL: the helpers that read memory demand it. The instructions are under both licences. */
int ebpf_image_load(const struct ebpf_image *image, const char *shown, char *log, size_t log_size)
{
	const struct ebpf_kind *kind = &image->kind;
	char name[BPF_OBJ_NAME_LEN];
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = (enum bpf_attach_type)kind->attach,
		    .attach_btf_id = kind->attach_btf_id, .prog_flags = kind->flags,
		    .prog_btf_fd = image->btf_fd < 0 ? 0 : (uint32_t)image->btf_fd,
		    .func_info = image->nfunc_info ? image->func_info : NULL,
		    .func_info_cnt = image->nfunc_info,
		    .func_info_rec_size = image->nfunc_info ? sizeof(struct bpf_func_info) : 0);
	int fd, again;

	kernel_name(name, shown);
	fd = bpf_prog_load(kind->type, name, "Dual BSD/GPL", image->insns, image->ninsns, &opts);
	if (fd >= 0 || !log_size)
		return fd;
	log[0] = '\0';
	opts.log_buf = log;
	opts.log_size = (uint32_t)log_size;
	opts.log_level = 1;
	/* A log that does not fit makes an error of its own: the first load's error counts. */
	again = bpf_prog_load(kind->type, name, "Dual BSD/GPL", image->insns, image->ninsns, &opts);
	return again >= 0 ? again : fd;
}

int ebpf_load(const char *program, const struct ebpf_kind *kind, const struct ebpf_names *names,
	      char *log, size_t log_size)
{
	static const char prefix[] = "rt_prog_"; /* dropped: the kernel keeps 15 letters */
	const struct ebpf_func *f = ebpf_routine(program);
	struct arena *a = arena_new();
	struct ebpf_image image;
	int fd = f ? -ENOMEM : -ENOENT;

	if (log_size)
		log[0] = '\0';
	if (!f && log_size)
		snprintf(log, log_size, "internal error: no program is called %s", program);
	if (!f || !a)
		goto out;
	fd = ebpf_link(a, f, 1, kind, names, &image);
	if (!fd)
		fd = ebpf_image_load(&image, program + strlen(prefix), log, log_size);
	else if (log_size)
		snprintf(log, log_size, "%s", image.why);
	ebpf_image_close(&image);
out:
	arena_free(a);
	return fd;
}
