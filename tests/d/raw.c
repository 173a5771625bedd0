/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/d/raw.c: raw trees as text.
 * (+ a b), (= x 1), (f x y), (. s m), (* p), (cast "int *" x), self->x, m`s.
 */
#include "tests/d/raw.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const op_text[] = {
#define D_OP(id, text) text,
#include "d/ops.def"
};

static void dump(struct d *d, FILE *f, const struct d_expr *e);

static void kids(struct d *d, FILE *f, const struct d_expr *e, const char *head)
{
	fprintf(f, "(%s", head);
	for (size_t i = 0; i < e->nkids; i++) {
		fputc(' ', f);
		dump(d, f, e->kids[i]);
	}
	fputc(')', f);
}

static void dump_op(struct d *d, FILE *f, const struct d_expr *e)
{
	char head[16];

	snprintf(head, sizeof(head), "%s%s%s",
		 e->op == D_OP_POSTINC || e->op == D_OP_POSTDEC ? "post" : "", op_text[e->op],
		 e->kind == D_E_ASSIGN && e->op != D_OP_ASSIGN ? "=" : "");
	kids(d, f, e, head);
}

static void dump_name(FILE *f, const struct d_expr *e)
{
	if (e->ident_mod)
		fprintf(f, "%s`", e->ident_mod);
	fprintf(f, "%s%s",
		e->ident_scope == D_V_SELF ? "self->" :
		e->ident_scope == D_V_THIS ? "this->" :
					     "",
		e->str);
}

static void dump(struct d *d, FILE *f, const struct d_expr *e)
{
	switch (e->kind) {
	case D_E_INT:
		fprintf(f, "%" PRId64, (int64_t)e->ival);
		if (e->type != d_base(d, D_INT))
			fprintf(f, ":%s", d_type_name(d, e->type));
		break;
	case D_E_FLOAT: fprintf(f, "%g", e->fval); break;
	case D_E_STRING: fprintf(f, "\"%.*s\"", (int)e->len, e->str); break;
	case D_E_IDENT: dump_name(f, e); break;
	case D_E_TYPE: fprintf(f, "<%s>", d_type_name(d, e->type)); break;
	case D_E_INDEX: kids(d, f, e, "[]"); break;
	case D_E_CALL: kids(d, f, e, e->str); break;
	case D_E_COND: kids(d, f, e, "?"); break;
	case D_E_COMMA: kids(d, f, e, ","); break;
	case D_E_DEREF: kids(d, f, e, "*"); break;
	case D_E_ADDR: kids(d, f, e, "&"); break;
	case D_E_SIZEOF: kids(d, f, e, "sizeof"); break;
	case D_E_AGG:
		fprintf(f, "@%s", e->str);
		if (e->nkids)
			kids(d, f, e, "");
		break;
	case D_E_CAST:
		fprintf(f, "(cast <%s> ", d_type_name(d, e->type));
		dump(d, f, e->kids[0]);
		fputc(')', f);
		break;
	case D_E_MEMBER:
		fputs("(. ", f);
		dump(d, f, e->kids[0]);
		fprintf(f, " %s)", e->str);
		break;
	default: dump_op(d, f, e);
	}
}

static void dump_stmts(struct d *d, FILE *f, struct d_stmt **v, size_t n)
{
	fputc('{', f);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? " " : "", f);
		if (v[i]->kind == D_S_IF) {
			fputs("if ", f);
			dump(d, f, v[i]->expr);
			dump_stmts(d, f, v[i]->then, v[i]->nthen);
			if (v[i]->nelse)
				dump_stmts(d, f, v[i]->otherwise, v[i]->nelse);
		} else {
			dump(d, f, v[i]->expr);
		}
	}
	fputc('}', f);
}

static void dump_clause(struct d *d, FILE *f, const struct d_clause *c)
{
	for (size_t i = 0; i < c->npdescs; i++) {
		const struct d_pdesc *pd = &c->pdescs[i];

		fputs(i ? "," : "", f);
		if (pd->id)
			fprintf(f, "#%u", pd->id);
		else
			fprintf(f, "%s:%s:%s:%s", pd->prov, pd->mod, pd->func, pd->name);
	}
	if (c->pred) {
		fputc('/', f);
		dump(d, f, c->pred);
		fputc('/', f);
	}
	if (c->nbody)
		dump_stmts(d, f, c->body, c->nbody);
}

static void collect(void *arg, const char *text, size_t len)
{
	struct raw *r = arg;
	char *more = realloc(r->errors, r->errors_len + len + 1);

	if (!more)
		abort();
	memcpy(more + r->errors_len, text, len);
	r->errors = more;
	r->errors_len += len;
	more[r->errors_len] = 0;
}

void raw_open(struct raw *r, const struct d_config *config)
{
	static const struct d_config none;

	*r = (struct raw){ .arena = arena_new() };
	r->diag = (struct diag){ .who = "dtrace", .errtags = true, .sink = collect, .arg = r };
	r->d = d_new(r->arena, &r->diag, config ? config : &none);
}

bool raw_parse(struct raw *r, const char *text, size_t len, char spec)
{
	struct text *t = text_new(r->arena, "t.d", text, len);
	size_t size;
	FILE *f;

	r->ok = t && r->d && d_parse(r->d, t, spec);
	free(r->tree);
	f = open_memstream(&r->tree, &size);
	if (!f)
		abort();
	for (size_t i = 0; r->d && i < r->d->nraw; i++) {
		fputs(i ? " " : "", f);
		dump_clause(r->d, f, r->d->raw[i]);
	}
	fclose(f);
	return r->ok;
}

void raw_close(struct raw *r)
{
	d_free(r->d);
	arena_free(r->arena);
	free(r->tree);
	free(r->errors);
}

const char *raw_expr(const char *text)
{
	static char out[8192];
	struct raw r;
	char *src;
	FILE *f;

	raw_open(&r, NULL);
	src = arena_printf(r.arena, "BEGIN{%s}", text);
	raw_parse(&r, src, strlen(src), 0);
	f = fmemopen(out, sizeof(out), "w");
	if (!f)
		abort();
	if (r.ok && r.d->nraw && r.d->raw[0]->nbody)
		dump(r.d, f, r.d->raw[0]->body[0]->expr);
	else
		fputs(r.errors ? r.errors : "nothing", f);
	fclose(f);
	raw_close(&r);
	return out;
}
