/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/stack.c: stacks and single symbols as text.
 * In:   values of kinds STACK, USTACK, KSYM and USYM. Out: text.
 * Owns: nothing.
 */
#include "consumer/output/inner.h"

#include <string.h>

void out_sym_text(struct out *o, const struct rec_value *v, char buf[OUT_SYM])
{
	if (v->kind == REC_USYM)
		out_usym(o->procs, buf, OUT_SYM, &v->owner, v->i, o->time, v->symbol);
	else
		out_ksym(buf, OUT_SYM, v->i, v->symbol);
}

void out_put_stack(struct out *o, const struct rec_value *v, const struct d_conv *conv, int indent)
{
	int64_t width = conv ? conv->width : 0;
	char sym[OUT_SYM];

	out_putc(o, '\n');
	for (size_t i = 0; i < v->len; i++) {
		uint64_t pc;

		memcpy(&pc, v->bytes + i * sizeof(pc), sizeof(pc));
		if (!pc)
			break;
		if (v->kind == REC_USTACK)
			out_usym(o->procs, sym, sizeof(sym), &v->owner, pc, o->time, D_SYM_PLACE);
		else
			out_ksym(sym, sizeof(sym), pc, D_SYM_PLACE);
		out_fill(o, ' ', indent > 0 ? (size_t)indent : 0);
		out_put_wide(o, sym, strlen(sym), width);
		out_putc(o, '\n');
	}
}

void out_put_place(struct out *o, const struct rec_value *v)
{
	char sym[OUT_SYM];

	if (v->kind == REC_STACK || v->kind == REC_USTACK) {
		out_put_stack(o, v, NULL, (int)out_opt(o->opt.stackindent));
		return;
	}
	out_sym_text(o, v, sym);
	out_puts(o, "  ");
	out_put_wide(o, sym, strlen(sym), -50);
}
