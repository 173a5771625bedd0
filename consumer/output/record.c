/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/record.c: DTrace's default output: heads of lines, traced values,
 * and the table of what each action prints.
 * In:   records with their descriptions. Out: text.
 * Owns: the state of -F's indenting.
 */
#include "consumer/output/inner.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Heads ---------------------------------------------------------------- */

static struct out_flow *flow_of(struct out *o, int cpu)
{
	size_t n = (size_t)(cpu < 0 ? 0 : cpu);

	if (n >= o->nflow) {
		struct out_flow *p = realloc(o->flow, (n + 1) * sizeof(*p));

		if (!p)
			return NULL;
		memset(p + o->nflow, 0, (n + 1 - o->nflow) * sizeof(*p));
		o->flow = p;
		o->nflow = n + 1;
	}
	return &o->flow[n];
}

static bool ends_in(const char *name, const char *word)
{
	size_t n = strlen(name), w = strlen(word);

	return n >= w && !strcmp(name + n - w, word) && (n == w || name[n - w - 1] == '-');
}

/*
 * A name that is "entry" or ends in "-entry" indents one level more, "return"
 * one level less. A second clause of the same firing does not indent again:
 * it has the probe of the record before, but another clause.
 */
static void flow_head(struct out *o, struct out_flow *f, const struct rec_desc *desc,
		      const struct rt_rec *rec, int cpu, const struct out_probe *p)
{
	bool entry = ends_in(p->name, "entry"), back = !entry && ends_in(p->name, "return");
	const char *arrow = entry ? (p->enter ? p->enter : " -> ") :
			    back  ? (p->leave ? p->leave : " <- ") :
				    "| ";
	size_t width = 41, n;

	if (entry && f->any && f->last_probe == rec->probe && f->last_desc != desc) {
		entry = false;
		arrow = "| ";
	}
	if (back && f->indent > 0)
		f->indent -= 2;
	out_put_int(o, cpu, 3);
	out_putc(o, ' ');
	out_fill(o, ' ', (size_t)f->indent);
	out_puts(o, arrow);
	out_put_printable(o, p->func, strlen(p->func));
	n = (size_t)f->indent + strlen(arrow) + strlen(p->func);
	if (!entry && !back) {
		out_putc(o, ':');
		out_put_printable(o, p->name, strlen(p->name));
		n += 1 + strlen(p->name);
	}
	out_fill(o, ' ', n < width ? width - n + 1 : 1);
	if (entry)
		f->indent += 2;
	f->any = true;
	f->last_probe = rec->probe;
	f->last_desc = desc;
}

static void plain_head(struct out *o, int cpu, const struct out_probe *p)
{
	size_t func = strlen(p->func), name = strlen(p->name), n = func + 1 + name;

	out_put_int(o, cpu, 3);
	out_putc(o, ' ');
	out_put_uint(o, p->id, 6);
	out_putc(o, ' ');
	out_fill(o, ' ', n < 32 ? 32 - n : 0);
	out_put_printable(o, p->func, func);
	out_putc(o, ':');
	out_put_printable(o, p->name, name);
	out_putc(o, ' ');
}

int out_record_begin(struct out *o, const struct rec_desc *desc, const struct rt_rec *rec, int cpu,
		     const struct out_probe *probe)
{
	bool indents = out_opt(o->opt.flowindent), quiet = out_opt(o->opt.quiet);

	o->time = rec->time;
	if (!o->headed && indents)
		out_printf(o, "%3s %-41s\n", "CPU", "FUNCTION");
	else if (!o->headed && !quiet)
		out_printf(o, "%3s %6s %32s\n", "CPU", "ID", "FUNCTION:NAME");
	o->headed = true;
	if (indents) {
		struct out_flow *f = flow_of(o, cpu);

		if (!f)
			return -ENOMEM;
		flow_head(o, f, desc, rec, cpu, probe);
	} else if (!quiet) {
		plain_head(o, cpu, probe);
	}
	return o->err;
}

int out_record_end(struct out *o)
{
	if (!out_opt(o->opt.quiet))
		out_putc(o, '\n');
	return o->err;
}

/* ---- Bytes ------------------------------------------------------------------ */

static void put_rawbytes(struct out *o, const char *bytes, size_t n)
{
	static const char hex[] = "0123456789abcdef";

	if (!n)
		return;
	out_printf(o, "\n%11s", "");
	for (size_t i = 0; i < 16; i++)
		out_printf(o, "  %c", hex[i]);
	out_puts(o, "  0123456789abcdef\n");
	for (size_t at = 0; at < n; at += 16) {
		size_t row = n - at < 16 ? n - at : 16;

		out_printf(o, "%10zx:", at);
		for (size_t i = 0; i < row; i++) {
			unsigned char c = (unsigned char)bytes[at + i];
			char text[3] = { ' ', hex[c >> 4], hex[c & 15] };

			out_put(o, text, sizeof(text));
		}
		out_fill(o, ' ', 3 * (16 - row) + 2);
		for (size_t i = 0; i < row; i++) {
			char c = bytes[at + i];

			out_putc(o, c < ' ' || c > '~' ? '.' : c);
		}
		out_putc(o, '\n');
	}
}

/* Printable characters, then only NULs. */
static bool looks_like_string(const char *bytes, size_t n, size_t *len)
{
	size_t i = 0;

	for (; i < n && bytes[i]; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (!isprint(c) && !isspace(c) && c != '\b' && c != '\a')
			return false;
	}
	*len = i;
	for (size_t j = i; j < n; j++)
		if (bytes[j])
			return false;
	return i > 0;
}

static void put_bytes(struct out *o, const char *bytes, size_t n, int width, bool quiet)
{
	size_t len;

	if (out_opt(o->opt.rawbytes) || !looks_like_string(bytes, n, &len)) {
		put_rawbytes(o, bytes, n);
		return;
	}
	if (!quiet)
		out_puts(o, "  ");
	out_put_wide(o, bytes, len, quiet ? 0 : -width);
}

/* ---- trace() and its kin ------------------------------------------------------ */

static void trace_int(struct out *o, const struct rec_value *v, bool quiet)
{
	/* Digits of the widest value of each size; an unsigned 64-bit value has one more. */
	static const int widths[] = { [1] = 3, [2] = 5, [4] = 10, [8] = 19 };
	int w = v->size < COUNT(widths) && widths[v->size] ? widths[v->size] : 19;

	if (quiet)
		w = 0;
	else
		out_putc(o, ' ');
	if (v->is_signed)
		out_put_int(o, (int64_t)v->i, w);
	else
		out_put_uint(o, v->i, w == 19 ? 20 : w);
}

static void trace_value(struct out *o, const struct rec_value *v)
{
	bool quiet = out_opt(o->opt.quiet), raw = out_opt(o->opt.rawbytes);

	switch (v->kind) {
	case REC_INT:
		if (raw)
			put_rawbytes(o, (const char *)&v->i, v->size);
		else
			trace_int(o, v, quiet);
		break;
	case REC_STRING:
		if (raw) {
			put_rawbytes(o, v->bytes, v->len);
			break;
		}
		if (!quiet)
			out_puts(o, "  ");
		out_put_wide(o, v->bytes, v->len, quiet ? 0 : -33);
		break;
	case REC_BYTES:
		if (v->type && d_is_char_array(v->type))
			put_bytes(o, v->bytes, v->len, 33, quiet);
		else
			put_rawbytes(o, v->bytes, v->len);
		break;
	default: out_put_place(o, v);
	}
}

static int print_trace(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
		       struct aggs *aggs)
{
	struct rec_value v;

	(void)aggs;
	for (size_t i = 0; i < act->nfields; i++) {
		if (!out_value_field(&v, &act->fields[i], rec))
			return -EBADMSG;
		trace_value(o, &v);
	}
	return o->err;
}

/* The third argument, if given, says how many bytes to print. */
static int print_tracemem(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
			  struct aggs *aggs)
{
	struct rec_value v, n;

	(void)aggs;
	if (!act->nfields || !out_value_field(&v, &act->fields[0], rec) || !v.bytes)
		return -EBADMSG;
	if (act->nfields > 1) {
		if (!out_value_field(&n, &act->fields[1], rec))
			return -EBADMSG;
		if ((!n.is_signed || (int64_t)n.i >= 0) && n.i < v.len)
			v.len = n.i;
	}
	put_rawbytes(o, v.bytes, v.len);
	return o->err;
}

static int print_printf(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
			struct aggs *aggs)
{
	(void)aggs;
	return out_act_format(o, act, rec);
}

/* Actions that the kernel or run/ carries out print nothing. */
static int print_nothing(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
			 struct aggs *aggs)
{
	(void)act;
	(void)rec;
	(void)aggs;
	return o->err;
}

/* For actions that this version lacks (a row that says LACKS). Not print_nothing, because silence
 * would hide that nobody carries the action out. */
static int print_lacking(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
			 struct aggs *aggs)
{
	(void)o;
	(void)act;
	(void)rec;
	(void)aggs;
	return -ENOTSUP;
}

/* ---- The table ------------------------------------------------------------------ */

#define print_printa out_act_printa
#define print_clear out_act_clear
#define print_trunc out_act_trunc
#define print_normalize out_act_normalize
#define print_denormalize out_act_denormalize
#define print_system out_act_system
#define print_freopen out_act_freopen
#define print_ftruncate out_act_ftruncate
#define print_stack print_trace
#define print_ustack print_trace
#define print_jstack print_trace
#define print_sym print_trace
#define print_mod print_trace
#define print_func print_trace
#define print_uaddr print_trace
#define print_usym print_trace
#define print_umod print_trace
#define print_ufunc print_trace
#define print_exit print_nothing
#define print_raise print_nothing
#define print_stop print_nothing
#define print_panic print_nothing
#define print_breakpoint print_nothing
#define print_chill print_nothing
#define print_setopt print_lacking
#define print_speculate print_lacking
#define print_commit print_lacking
#define print_discard print_lacking
#define print_print print_lacking
#define print_pcap print_lacking

static out_action_fn *const actions[D_NACTIONS] = {
#define D_ACTION(id, has, proto, ...) [D_ACT_##id] = print_##id,
#include "d/builtins.def"
};

int out_action(struct out *o, const struct rec_desc *desc, const struct rec_action *act,
	       const struct rt_rec *rec, struct aggs *aggs)
{
	(void)desc;
	if (o->err)
		return o->err;
	o->time = rec->time;
	if (act->present >= 0 && !((const char *)rec)[act->present])
		return 0;
	return actions[act->act](o, act, rec, aggs);
}
