/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/stack.c: stacks and single symbols as text.
 * In:   values of kinds STACK, USTACK, KSYM and USYM. Out: text.
 * Owns: nothing.
 */
#include "consumer/output/inner.h"

#include <string.h>

void out_addr_text(struct out *o, const struct rt_owner *owner, uint64_t addr, enum d_symbol how,
		   char buf[OUT_SYM])
{
	if (owner)
		out_usym(o->history, buf, OUT_SYM, owner, addr, o->time, how);
	else
		out_ksym(buf, OUT_SYM, addr, how);
	text_make_printable(buf, strlen(buf));
}

void out_sym_text(struct out *o, const struct rec_value *v, char buf[OUT_SYM])
{
	if (v->bytes) /* of a merged row */
		snprintf(buf, OUT_SYM, "%.*s", (int)v->len, v->bytes);
	else
		out_addr_text(o, v->kind == REC_USYM ? &v->owner : NULL, v->i, v->symbol, buf);
}

/* A key has no time, so the address is looked up in the process's last mappings. */
void out_key_symbol(void *out, const struct rec_value *v, char *buf, size_t size)
{
	struct out *o = out;
	uint64_t time = o->time;
	char sym[OUT_SYM];

	o->time = UINT64_MAX;
	out_sym_text(o, v, sym);
	o->time = time;
	snprintf(buf, size, "%s", sym);
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
			out_addr_text(o, &v->owner, pc, D_SYM_PLACE, sym);
		else
			out_addr_text(o, NULL, pc, D_SYM_PLACE, sym);
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
