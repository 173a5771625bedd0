/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/parse.c: parses programs: clauses and their statements. After an error it
 * goes on behind the clause or declaration that has the error.
 * In:   a text.
 * Out:  raw clauses in d->raw, declarations entered in d.
 * Owns: nothing; all is in the arena.
 */
#include "d/lex.h"

#include <string.h>

static void parser_init(struct d_parser *p, struct d *d, const struct text *text)
{
	*p = (struct d_parser){ .d = d, .text = text };
}

/* ---- statements ----------------------------------------------------------- */

struct stmts {
	struct d_stmt **v;
	size_t n, cap;
};

static bool statement(struct d_parser *p, struct stmts *out);

static struct d_stmt *stmt_push(struct d_parser *p, struct stmts *out, enum d_skind kind)
{
	struct d_stmt *s = arena_new_of(p->d->arena, struct d_stmt);
	struct d_stmt **slot = s ? ARENA_PUSH(p->d->arena, out->v, out->n, out->cap) : NULL;

	if (!slot)
		return d_nomem(p);
	*slot = s;
	s->kind = kind;
	s->loc = p->tok.loc;
	return s;
}

/* The body of an if: `{ … }` or a single statement. */
static bool branch(struct d_parser *p, struct stmts *out)
{
	if (!d_accept(p, '{'))
		return !p->bad && statement(p, out);
	while (!p->bad && p->tok.kind != '}' && p->tok.kind != D_TK_EOF)
		if (!statement(p, out))
			return false;
	return d_expect(p, '}', "'}'");
}

static bool if_statement(struct d_parser *p, struct stmts *out)
{
	struct d_stmt *s = stmt_push(p, out, D_S_IF);
	struct stmts then = { 0 }, otherwise = { 0 };

	d_next(p);
	if (!s || !d_expect(p, '(', "'('") || !(s->expr = d_parse_expr(p)) ||
	    !d_expect(p, ')', "')'") || !branch(p, &then))
		return false;
	s->then = then.v;
	s->nthen = then.n;
	s->loc.len = p->prev_end - s->loc.off;
	if (!d_accept(p, D_KW_else))
		return !p->bad;
	if (!branch(p, &otherwise))
		return false;
	s->otherwise = otherwise.v;
	s->nelse = otherwise.n;
	return true;
}

/* D lacks C's other statements; the message says so, as "an expression is missing" misleads. */
static bool no_such_statement(struct d_parser *p)
{
	static const enum d_tok loops[] = { D_KW_for,	 D_KW_while,	D_KW_do,
					    D_KW_break,	 D_KW_continue, D_KW_goto,
					    D_KW_switch, D_KW_case,	D_KW_return };

	for (size_t i = 0; i < COUNT(loops); i++)
		if (p->tok.kind == loops[i]) {
			d_perror(p, p->tok.loc, D_SYNTAX, "syntax error near '%s'", p->tok.str);
			if (!p->quiet)
				diag_hint(p->d->diag, "D has no loops and no jumps");
			return true;
		}
	return false;
}

static bool statement_rule(struct d_parser *p, struct stmts *out)
{
	struct d_stmt *s;

	if (d_accept(p, ';'))
		return !p->bad;
	if (p->bad || no_such_statement(p))
		return false;
	if (p->tok.kind == D_KW_if)
		return if_statement(p, out);
	p->chain = 0;
	s = stmt_push(p, out, D_S_EXPR);
	if (!s || !(s->expr = d_parse_expr(p)))
		return false;
	s->loc = s->expr->loc;
	if (p->tok.kind == '}')
		return true; /* the last ; may be missing */
	return d_expect(p, ';', "';' or '}'");
}

static bool statement(struct d_parser *p, struct stmts *out)
{
	bool ok = d_enter(p) && statement_rule(p, out);

	d_leave(p);
	return ok && !p->bad;
}

/* ---- clauses -------------------------------------------------------------- */

static bool descriptions(struct d_parser *p, struct d_clause *c)
{
	size_t cap = 0;
	struct d_pdesc *pd;

	for (;;) {
		if (!d_skip_space(p))
			return false;
		if (!(pd = ARENA_PUSH(p->d->arena, c->pdescs, c->npdescs, cap)))
			return d_nomem(p);
		if (!d_pdesc_parse(p, pd) || !d_skip_space(p))
			return false;
		if (p->text->bytes[p->pos] != ',' || p->pos >= p->text->len)
			return true;
		p->pos++;
	}
}

/* Reads the predicate behind the descriptions: `/`, the expression, `/`. */
static bool predicate(struct d_parser *p, struct d_clause *c)
{
	if (p->text->bytes[p->pos] != '/' || p->pos >= p->text->len)
		return true;
	p->pos++;
	p->chain = 0;
	d_next(p);
	c->pred = d_parse_expr(p);
	if (!c->pred)
		return false;
	if (p->tok.kind != D_TK_EPRED) {
		d_syntax(p, "'/' at the end of the predicate");
		return false;
	}
	if (!d_skip_space(p))
		return false;
	if (p->text->bytes[p->pos] == '{')
		return true;
	d_perror(p, d_loc(p, p->pos, p->pos + 1), D_SYNTAX,
		 "expected actions { } following probe description and predicate");
	return false;
}

static bool body(struct d_parser *p, struct d_clause *c)
{
	struct stmts list = { 0 };

	d_next(p);
	if (p->tok.kind != '{') {
		if (p->spec && p->tok.kind == D_TK_EOF && !p->bad)
			return true; /* -n BEGIN */
		if (p->tok.kind == D_TK_EOF)
			d_perror(p, c->loc, D_SYNTAX,
				 "expected predicate and/or actions following probe description");
		else
			d_syntax(p, "a predicate or actions { } following probe description");
		return false;
	}
	d_next(p);
	while (!p->bad && p->tok.kind != '}') {
		if (p->tok.kind == D_TK_EOF) {
			d_syntax(p, "'}' at the end of the clause");
			return false;
		}
		if (!statement(p, &list))
			return false;
	}
	c->body = list.v;
	c->nbody = list.n;
	return !p->bad;
}

static void clause(struct d_parser *p)
{
	struct d_clause *c = arena_new_of(p->d->arena, struct d_clause), **slot;

	p->in_clause = true;
	if (!c) {
		d_nomem(p);
		return;
	}
	c->loc = d_loc(p, p->pos, p->pos);
	if (!descriptions(p, c))
		return;
	c->loc = c->pdescs[0].loc;
	if (p->library)
		d_error(p->d, c->loc, D_PRAGMA_DEPEND,
			"a library has no clauses, only declarations");
	if (!predicate(p, c) || !body(p, c))
		return;
	if (!(slot = ARENA_PUSH(p->d->arena, p->d->raw, p->d->nraw, p->d->raw_cap))) {
		d_nomem(p);
		return;
	}
	c->index = (int)p->d->nraw - 1;
	*slot = c;
}

/* ---- the whole text ------------------------------------------------------- */

/* Moves behind the clause or declaration with the error: to its last brace, a brace in the first
 * column, or a declaration's semicolon. */
static void resync(struct d_parser *p)
{
	const char *s = p->text->bytes;
	uint32_t at = p->pos;
	unsigned depth = p->braces;

	/* The token with the error may itself be the end. */
	if (at && !depth && (s[at - 1] == '}' || (s[at - 1] == ';' && !p->in_clause)))
		at--;
	while (at < p->text->len) {
		char c = s[at];

		if (c == '"' || c == '\'') {
			at = d_skip_quoted(p->text, at);
			continue;
		}
		if (c == '/' && s[at + 1] == '*') {
			at = d_peek_space(p->text, at);
			continue;
		}
		at++;
		depth += c == '{';
		if (c == '}') {
			depth -= depth > 0;
			if (!depth || at == 1 || s[at - 2] == '\n')
				break;
		}
		if (c == ';' && !depth && !p->in_clause)
			break;
	}
	p->pos = at;
	at = d_peek_space(p->text, at);
	if (s[p->pos ? p->pos - 1 : 0] == '}' && at < p->text->len && s[at] == ';')
		p->pos = at + 1;
}

/* Parses one clause or declaration; false: the text ends, or there are too many errors. */
static bool unit(struct d_parser *p)
{
	unsigned errors = p->d->front->errors;
	uint32_t start;

	p->bad = p->in_clause = p->in_provider = p->in_params = false;
	p->braces = p->depth = p->chain = 0;
	d_skip_space(p);
	start = p->pos;
	if (!p->bad && p->in_header && p->text->bytes[start] == ';') {
		p->pos++; /* behind a function's body or an empty macro */
		return true;
	}
	if (!p->bad) {
		switch (d_start_of(p)) {
		case D_START_END: return false;
		case D_START_PROBE: clause(p); break;
		case D_START_DECL:
			d_next(p);
			d_parse_declaration(p);
			break;
		}
	}
	if (p->bad) {
		resync(p);
		d_relocate(p);
	}
	if (p->d->front->errors > errors && d_in_header(p->d, d_loc(p, start, start)))
		p->d->front->errors = errors;
	if (p->pos == start)
		p->pos++; /* always move on */
	return !p->d->front->nomem && p->d->front->errors < D_MAX_ERRORS;
}

static bool parse(struct d *d, const struct text *text, char probe_spec, bool library)
{
	unsigned before = d->diag->errors;
	struct d_parser p;

	if (text->len > UINT32_MAX / 2) {
		d_error(d, NOWHERE, D_SYNTAX, "the text is too long");
		return false;
	}
	parser_init(&p, d, text);
	p.spec = probe_spec;
	p.library = library;
	while (unit(&p))
		;
	if (!d_providers_finish(d) || arena_failed(d->arena))
		d_nomem(&p);
	return d->diag->errors == before;
}

bool d_parse(struct d *d, const struct text *text, char probe_spec)
{
	return parse(d, text, probe_spec, false);
}

bool d_parse_library(struct d *d, const struct text *text)
{
	return parse(d, text, 0, true);
}
