/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/words.c: D's keywords; finds the ends of words, comments and strings in a
 * text.
 * In:   bytes.
 * Out:  tokens of keywords; offsets.
 * Owns: nothing.
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

/* The compiler's own headers spell words of C so, to keep macros off them. */
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

/* A # begins a control line only if nothing but blanks is before it on its line. */
bool d_begins_line(const char *s, uint32_t at)
{
	while (at > 0 && (s[at - 1] == ' ' || s[at - 1] == '\t'))
		at--;
	return at == 0 || s[at - 1] == '\n';
}

/* The end of the comment at `at`; the text's end if the comment is not closed. */
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

/* The end of the string or character constant at `at`, or the end of its line. */
uint32_t d_skip_quoted(const struct text *t, uint32_t at)
{
	char q = t->bytes[at++];

	while (at < t->len && t->bytes[at] != '\n' && t->bytes[at] != q)
		at += t->bytes[at] == '\\' && at + 1 < t->len && t->bytes[at + 1] != '\n' ? 2 : 1;
	return at < t->len && t->bytes[at] == q ? at + 1 : at;
}
