/* SPDX-License-Identifier: BSD-2-Clause */
/* provider/inner.h: what header and object share, so that they agree. */
#ifndef PROVIDER_INNER_H
#define PROVIDER_INNER_H

#include "provider/provider.h"

#include "base/arena.h"

#define GEN_MAX_ARGS 12 /* an asm statement has 30 operands; each argument takes 2 */
#define GEN_NATTR 15

/* The descriptor of a probe's type note (docs/type-note.md). NULL: no memory. */
const uint8_t *gen_note(struct d *d, const struct d_provider *prov,
			const struct d_probe_decl *probe, size_t *len);
/* A name made from the declarations: the same name stands for the same contents. */
bool gen_identity(struct d *d, const struct d_prog *prog, char out[17]);
/* "app_request__start_semaphore"; arena memory. */
const char *gen_semaphore(struct arena *a, const struct d_provider *prov,
			  const struct d_probe_decl *probe);
/* "APP_REQUEST_START" */
const char *gen_macro(struct d *d, const struct d_provider *prov, const struct d_probe_decl *probe);
/* Reports declarations that D accepts but C sites cannot have. false: reported. */
bool gen_check(struct d *d, const struct d_prog *prog, struct diag *diag);

/* text.c: the text without comments that only SystemTap's dtrace accepts. NULL: no memory. */
struct text *gen_text_clean(struct arena *a, const struct text *in);
/* The names of the job's scripts, for a comment: "a.d b.d". */
const char *gen_script_names(struct arena *a, const struct gen_job *job);
/* depend.c: writes the rule for make. texts: the job's scripts as read; target: the output's name.
 * false: no memory. */
bool gen_depend(struct arena *a, const struct gen_job *job, struct text *const *texts,
		const char *target, FILE *out);
/* scan.c: checks the job's objects, without the output itself, against the declarations. Fields of
 * *machine that are 0 are set from the objects. false: reported. */
bool gen_scan(struct arena *a, const struct d_prog *prog, const struct gen_job *job,
	      const char *output, struct gen_machine *machine, struct diag *diag);

extern const char *const gen_sdt_lines[]; /* the lines of include/usdt/sdt.h; NULL ends them */

#endif
