/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * provider/inner.h: what header and object have in common, so that they agree.
 */
#ifndef PROVIDER_INNER_H
#define PROVIDER_INNER_H

#include "provider/provider.h"

#include "base/arena.h"

#define GEN_MAX_ARGS 12 /* operands of one asm statement: 30 in all, two for each and some spare */
#define GEN_NATTR 15

/* The descriptor of a probe's type note (docs/type-note.md). NULL: no memory. */
const uint8_t *gen_note(struct d *d, const struct d_provider *prov,
			const struct d_probe_decl *probe, size_t *len);
/* A name for all that is made of these declarations: same name, same contents. */
bool gen_identity(struct d *d, const struct d_prog *prog, char out[17]);
/* "app_request__start_semaphore"; arena memory. */
const char *gen_semaphore(struct arena *a, const struct d_provider *prov,
			  const struct d_probe_decl *probe);
/* "APP_REQUEST_START" */
const char *gen_macro(struct d *d, const struct d_provider *prov, const struct d_probe_decl *probe);
/* What D accepts but C sites cannot have: reported with its place. */
bool gen_check(struct d *d, const struct d_prog *prog, struct diag *diag);

/* text.c: the text without the comments that SystemTap's dtrace knows and D does not. NULL: no memory. */
struct text *gen_text_clean(struct arena *a, const struct text *in);
/* The job's scripts for a comment: "a.d b.d". */
const char *gen_script_names(struct arena *a, const struct gen_job *job);
/* depend.c: texts: what the job's scripts were read as; target: the output's name. false: no memory. */
bool gen_depend(struct arena *a, const struct gen_job *job, struct text *const *texts,
		const char *target, FILE *out);
/* scan.c: the job's objects, without the output itself, against the declarations; fills in what of
 * the machine is 0. */
bool gen_scan(struct arena *a, const struct d_prog *prog, const struct gen_job *job,
	      const char *output, struct gen_machine *machine, struct diag *diag);

extern const char *const gen_sdt_lines[]; /* include/usdt/sdt.h; NULL ends it */

#endif
