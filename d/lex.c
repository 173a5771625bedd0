/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/lex.c: reads the next token. Literals and macros are in literal.c, words of
 * probe descriptions in pdesc.c, # lines in pragma.c.
 * In:   p->text from p->pos on.
 * Out:  p->tok; p->pos is behind it.
 * Owns: nothing; strings are in the arena.
 */
#include "d/lex.h"

#include <ctype.h>
#include <string.h>

/* The longest operators come first, so that the first match is right. */
static const struct {
	char text[4];
	enum d_tok tok;
} puncts[] = {
	{ "...", D_TK_ELLIPSIS }, { "<<=", D_TK_SHL_EQ }, { ">>=", D_TK_SHR_EQ },
	{ "->", D_TK_ARROW },	  { "++", D_TK_INC },	  { "--", D_TK_DEC },
	{ "<<", D_TK_SHL },	  { ">>", D_TK_SHR },	  { "<=", D_TK_LE },
	{ ">=", D_TK_GE },	  { "==", D_TK_EQ },	  { "!=", D_TK_NE },
	{ "&&", D_TK_LAND },	  { "||", D_TK_LOR },	  { "^^", D_TK_LXOR },
	{ "+=", D_TK_ADD_EQ },	  { "-=", D_TK_SUB_EQ },  { "*=", D_TK_MUL_EQ },
	{ "/=", D_TK_DIV_EQ },	  { "%=", D_TK_MOD_EQ },  { "&=", D_TK_AND_EQ },
	{ "|=", D_TK_OR_EQ },	  { "^=", D_TK_XOR_EQ },
};
static const char singles[] = "(){}[];:,.?=+-*/%&|^~!<>";

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

uint32_t d_peek_space(const struct text *t, uint32_t at)
{
	const char *s = t->bytes;
	bool closed;

	while (at < t->len) {
		if (is_blank(s[at]) || (s[at] == '\\' && s[at + 1] == '\n')) {
			at++;
		} else if (s[at] == '/' && s[at + 1] == '*') {
			at = d_comment_end(t, at, &closed);
		} else if (s[at] == '#' && d_begins_line(s, at)) {
			while (at < t->len && s[at] != '\n')
				at++;
		} else {
			break;
		}
	}
	return at;
}

bool d_skip_space(struct d_parser *p)
{
	const char *s = p->text->bytes;
	uint32_t start;
	bool closed;

	while (!p->bad && p->pos < p->text->len) {
		start = p->pos;
		if (is_blank(s[start]) || (s[start] == '\\' && s[start + 1] == '\n')) {
			p->pos++;
		} else if (s[start] == '/' && s[start + 1] == '*') {
			p->pos = d_comment_end(p->text, start, &closed);
			if (!closed)
				d_perror(p, d_loc(p, start, start + 2), D_SYNTAX,
					 "this comment is not closed");
		} else if (s[start] == '#' && d_begins_line(s, start)) {
			d_control_line(p);
		} else {
			break;
		}
	}
	return !p->bad;
}

static void lex_word(struct d_parser *p)
{
	const char *s = p->text->bytes + p->pos;
	size_t n = 0;

	while (d_is_ident_char(s[n]))
		n++;
	p->pos += (uint32_t)n;
	p->tok.kind = memchr(s, '`', n) ? D_TK_IDENT : d_keyword(s, n);
	p->tok.len = n;
	p->tok.str = arena_strndup(p->d->arena, s, n);
	if (!p->tok.str)
		d_nomem(p);
}

static void lex_agg(struct d_parser *p)
{
	const char *s = p->text->bytes + ++p->pos;
	size_t n = 0;

	if (!isdigit((unsigned char)s[0]))
		while (d_is_ident_char(s[n]) && s[n] != '`')
			n++;
	p->pos += (uint32_t)n;
	p->tok.kind = D_TK_AGG;
	p->tok.len = n;
	p->tok.str = arena_strndup(p->d->arena, s, n);
	if (!p->tok.str)
		d_nomem(p);
}

/* Is it a module's name, as in 8021q`vlan_tag? That may begin with digits. */
static bool is_module(const char *s)
{
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return *s == '`';
}

/* A `/` before `{`, `;` or the end can only close a predicate. */
static bool ends_predicate(const struct d_parser *p)
{
	uint32_t at = d_peek_space(p->text, p->pos + 1);

	return at >= p->text->len || p->text->bytes[at] == '{' || p->text->bytes[at] == ';';
}

static void lex_punct(struct d_parser *p)
{
	const char *s = p->text->bytes + p->pos;

	for (size_t i = 0; i < COUNT(puncts); i++) {
		size_t n = strlen(puncts[i].text);

		if (!strncmp(s, puncts[i].text, n)) {
			p->tok.kind = puncts[i].tok;
			p->pos += (uint32_t)n;
			return;
		}
	}
	p->tok.kind = s[0] == '/' && ends_predicate(p) ? D_TK_EPRED : (enum d_tok)s[0];
	p->braces += s[0] == '{';
	p->braces -= s[0] == '}' && p->braces;
	p->pos++;
}

static void lex_stray(struct d_parser *p)
{
	unsigned char c = (unsigned char)p->text->bytes[p->pos++];
	struct loc at = d_loc(p, p->pos - 1, p->pos);

	if (isprint(c))
		d_perror(p, at, D_SYNTAX, "syntax error near '%c'", c);
	else
		d_perror(p, at, D_SYNTAX, "syntax error near a character with code 0x%02x", c);
}

void d_next(struct d_parser *p)
{
	const char *s = p->text->bytes;
	uint32_t start;
	char c;

	p->prev_end = p->pos;
	d_skip_space(p);
	start = p->pos;
	p->tok = (struct d_token){ .kind = D_TK_EOF, .loc = d_loc(p, start, start) };
	if (p->bad || start >= p->text->len)
		return;
	c = s[start];
	if (isdigit((unsigned char)c) && is_module(s + start))
		lex_word(p);
	else if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)s[start + 1])))
		d_lex_number(p);
	else if (d_is_ident_char(c))
		lex_word(p);
	else if (c == '"')
		d_lex_string(p);
	else if (c == '\'')
		d_lex_char(p);
	else if (c == '@')
		lex_agg(p);
	else if (c == '$')
		d_lex_macro(p);
	else if (c && strchr(singles, c))
		lex_punct(p);
	else
		lex_stray(p);
	if (p->bad)
		p->tok.kind = D_TK_EOF;
	p->tok.loc = d_loc(p, start, p->pos);
}
