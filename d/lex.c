/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/lex.c: the next token. Literals and macros are in literal.c, words of
 * probe descriptions in pdesc.c, # lines in pragma.c.
 * In:  p->text from p->pos on.
 * Out: p->tok; p->pos is behind it.
 */
#include "d/lex.h"

#include <ctype.h>
#include <string.h>

static const struct {
	const char *name;
	enum d_keyflag flag;
} keywords[] = {
#define NAME(id, flag) { #id, D_KF_##flag },
	D_KEYWORDS(NAME)
#undef NAME
};

/* How the compiler's own headers spell words of C, so that no macro touches them. */
static const struct {
	const char *name;
	enum d_tok tok;
} spellings[] = {
	{ "__const", D_KW_const },	    { "__const__", D_KW_const },
	{ "__volatile", D_KW_volatile },    { "__volatile__", D_KW_volatile },
	{ "__restrict", D_KW_restrict },    { "__restrict__", D_KW_restrict },
	{ "__signed", D_KW_signed },	    { "__signed__", D_KW_signed },
	{ "__inline", D_KW_inline },	    { "__inline__", D_KW_inline },
	{ "__asm", D_KW___asm__ },	    { "__attribute", D_KW___attribute__ },
	{ "__typeof", D_KW___typeof__ },    { "__alignof", D_KW__Alignof },
	{ "__alignof__", D_KW__Alignof },   { "__complex__", D_KW__Complex },
	{ "__thread", D_KW__Thread_local }, { "__builtin_offsetof", D_KW_offsetof },
};

/* Longest first, so that the first match is the right one. */
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

enum d_tok d_keyword(const char *s, size_t len)
{
	for (size_t i = 0; i < COUNT(keywords); i++)
		if (keywords[i].name[0] == s[0] && strlen(keywords[i].name) == len &&
		    !memcmp(keywords[i].name, s, len))
			return D_KW_auto + (enum d_tok)i;
	for (size_t i = 0; len > 5 && s[0] == '_' && s[1] == '_' && i < COUNT(spellings); i++)
		if (strlen(spellings[i].name) == len && !memcmp(spellings[i].name, s, len))
			return spellings[i].tok;
	return D_TK_IDENT;
}

enum d_keyflag d_keyword_flag(enum d_tok kw)
{
	return kw >= D_KW_auto && kw < D_NTOKENS ? keywords[kw - D_KW_auto].flag : D_KF_NONE;
}

bool d_is_ident_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '`';
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct loc d_loc(const struct d_parser *p, uint32_t from, uint32_t to)
{
	return (struct loc){ p->text, from, to > from ? to - from : 0 };
}

/* A # is a control line's only if nothing but blanks is before it on its line. */
bool d_begins_line(const char *s, uint32_t at)
{
	while (at > 0 && (s[at - 1] == ' ' || s[at - 1] == '\t'))
		at--;
	return at == 0 || s[at - 1] == '\n';
}

/* Behind the comment at `at`, or at the text's end if it is not closed. */
uint32_t d_comment_end(const struct text *t, uint32_t at, bool *closed)
{
	for (at += 2; at + 1 < t->len; at++)
		if (t->bytes[at] == '*' && t->bytes[at + 1] == '/') {
			*closed = true;
			return at + 2;
		}
	*closed = false;
	return (uint32_t)t->len;
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

/* 8021q`vlan_tag: a module's name may begin with digits. */
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
