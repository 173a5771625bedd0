/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * provider/provider.h: the generator. It turns provider declarations into a
 * header with a macro for each probe (dtrace -h) and an object with the
 * semaphores and type notes (dtrace -G).
 */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include "base/diag.h"
#include "d/d.h"

#include <stdio.h>

/* How to write a rule for make with the files that the output depends on. */
struct gen_depend {
	bool wanted;
	bool only;	    /* -M: write the rule and no header or object */
	bool phony;	    /* -MP: a rule without prerequisites for each included file */
	const char *file;   /* -MF; NULL: beside the output, with .d; standard output with -M */
	const char *target; /* -MT; NULL: the output's name */
};

/* A run of dtrace -h or -G. Unset fields have the defaults of SystemTap's dtrace. */
struct gen_job {
	bool header;		    /* -h; else -G */
	const char *const *scripts; /* -s, one or more; "-": standard input */
	size_t nscripts;
	const char *output;	    /* -o; NULL: the first script's name with .h or .o, here; "-":
					 * standard output */
	const char *const *objects; /* -G: they must agree with the declarations */
	size_t nobjects;
	bool preprocess;	     /* -C */
	const char *const *cpp_args; /* -I, -D, -U as one word: "-Idir" */
	size_t ncpp_args;
	bool sys_sdt; /* -h: use <sys/sdt.h> instead of macros of our own */
	int bits;     /* -G: 32 or 64; 0: as $CC, $CFLAGS and the objects */
	struct gen_depend depend;
	const struct d_config *config; /* macros, #pragma options; may be NULL */
};

/* Returns 0, or -1 after a report; the output is then as it was before. */
int gen_main_job(const struct gen_job *job, struct diag *diag);

/* The two halves of gen_main_job, for a program that is checked already. */
struct gen_header_options {
	const char *source; /* "app.d", named in the header's first line */
	const char *guard;  /* the output's name, from which the include guard is made */
	bool sys_sdt;
};
/* false: reported, or writing failed (ferror). */
bool gen_header(struct d *d, const struct d_prog *prog, const struct gen_header_options *opt,
		FILE *out, struct diag *diag);

struct gen_machine {
	uint16_t machine; /* EM_X86_64, EM_386, EM_AARCH64 */
	unsigned bits;
};
const char *gen_machine_name(uint16_t machine);
/* Writes a relocatable object to fd, from offset 0. path: its name in messages. false: reported. */
bool gen_object(struct d *d, const struct d_prog *prog, struct gen_machine machine, int fd,
		const char *path, struct diag *diag);

#endif
