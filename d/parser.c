/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/parser.c: helpers of all grammar rules: taking tokens, saying what was
 * expected, limits of depth.
 * In:   the current token.
 * Out:  the next token, or an error.
 * Owns: nothing.
 */
#include "d/lex.h"

#include <string.h>

static const char *wording(const struct d_token *t, const char *bytes, char *buf, size_t size)
{
	size_t n = t->loc.len;

	if (t->kind == D_TK_EOF)
		return "end of input";
	snprintf(buf, size, "'%.*s%s'", (int)(n < 40 ? n : 40), bytes + t->loc.off,
		 n < 40 ? "" : "...");
	return buf;
}

void d_syntax(struct d_parser *p, const char *wanted)
{
	char buf[64];

	d_perror(p, p->tok.loc, D_SYNTAX, "syntax error near %s: expected %s",
		 wording(&p->tok, p->text->bytes, buf, sizeof(buf)), wanted);
}

bool d_accept(struct d_parser *p, int tok)
{
	if (p->bad || p->tok.kind != (enum d_tok)tok)
		return false;
	d_next(p);
	return !p->bad;
}

bool d_expect(struct d_parser *p, int tok, const char *wanted)
{
	if (p->bad || p->tok.kind != (enum d_tok)tok) {
		d_syntax(p, wanted);
		return false;
	}
	d_next(p);
	return !p->bad;
}

bool d_keyword_as_name(struct d_parser *p, const char *followers)
{
	char next;

	if ((!p->in_provider && !p->in_header) || p->bad || p->tok.kind < D_KW_auto)
		return false;
	next = p->text->bytes[d_peek_space(p->text, p->pos)];
	return next && (strchr(followers, next) || (p->in_header && strchr(";:=", next)));
}

bool d_enter(struct d_parser *p)
{
	if (++p->depth > D_MAX_DEPTH)
		d_perror(p, p->tok.loc, D_SYNTAX, "nested more than %d levels deep", D_MAX_DEPTH);
	return !p->bad;
}

void d_leave(struct d_parser *p)
{
	p->depth--;
}

bool d_link(struct d_parser *p)
{
	if (++p->chain > D_MAX_CHAIN)
		d_perror(p, p->tok.loc, D_SYNTAX, "more than %d operations in one expression",
			 D_MAX_CHAIN);
	return !p->bad;
}

struct loc d_since(const struct d_parser *p, struct loc start)
{
	uint32_t end = p->prev_end;

	if (end < start.off + start.len)
		end = start.off + start.len;
	return d_loc(p, start.off, end);
}

void d_relocate(struct d_parser *p)
{
	struct place at = text_place(d_loc(p, p->pos, p->pos));

	p->in_header = at.name && d_is_header(at.name, at.name_len);
}

const char *d_without_module(const char *name)
{
	const char *tick = strrchr(name, '`');

	return tick ? tick + 1 : name;
}

/* `name *)` can only be a type, known or not, so the error in `(conn_t *)x` is about conn_t. */
static bool stars_follow(const struct d_parser *p)
{
	const char *s = p->text->bytes;
	uint32_t at = d_peek_space(p->text, p->pos);
	bool star = s[at] == '*';

	while (s[at] == '*')
		at = d_peek_space(p->text, at + 1);
	return star && (s[at] == ')' || s[at] == ']' || s[at] == ',');
}

bool d_at_type(struct d_parser *p)
{
	struct d *d = p->d;

	if (p->bad)
		return false;
	if (p->tok.kind != D_TK_IDENT)
		return d_keyword_flag(p->tok.kind) == D_KF_TYPE;
	if (stars_follow(p))
		return true;
	if (hash_get_str(d->idents, p->tok.str) || hash_get_str(d->front->assigned, p->tok.str))
		return false;
	return d_typedef_find(d, d_without_module(p->tok.str)) != NULL;
}
