/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/pdesc.c: parses probe descriptions, and tells whether a description begins
 * at a place of a text. Writes a name as a description needs it.
 * In:   p->text at p->pos, between clauses and declarations.
 * Out:  struct d_pdesc with macros expanded; "" where a part is empty.
 * Owns: nothing; all is in the arena.
 */
#include "d/lex.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

/* Characters of names and patterns. Those that only C++ names have are allowed behind a colon. All
 * bytes of UTF-8 characters are letters. */
static bool is_word_char(char c, bool colon)
{
	return c && (isalnum((unsigned char)c) || (unsigned char)c >= 0x80 ||
		     strchr("_-$:.?*\\[]!@`", c) || (colon && strchr("~+=&^%()<>", c)));
}

/* The end of the word at p->pos. A character behind a backslash belongs to the word. */
static uint32_t word_end(const struct d_parser *p)
{
	const char *s = p->text->bytes;
	uint32_t e = p->pos;
	bool colon = false;

	for (; is_word_char(s[e], colon); e++) {
		colon |= s[e] == ':';
		e += s[e] == '\\' && s[e + 1] && s[e + 1] != '\n';
	}
	return e;
}

/* The first character of the set `of` in s to end that has no backslash before it; else end. */
static const char *plain_char(const char *s, const char *end, const char *of)
{
	for (; s < end && !strchr(of, *s); s++)
		s += *s == '\\' && s + 1 < end;
	return s;
}

/* Decides about a word that may name a type or a probe, by the next character, or by whether such a
 * type is known. */
static enum d_start ambiguous(struct d_parser *p, size_t ident, uint32_t end)
{
	const char *s = p->text->bytes;
	uint32_t after = d_peek_space(p->text, end);
	char next = after < p->text->len ? s[after] : 0;
	char *name;

	if (!next || strchr("{/,", next) || (p->spec && p->spec != 'n'))
		return D_START_PROBE;
	if (isalpha((unsigned char)next) || next == '_' || next == '*' || next == '(')
		return D_START_DECL;
	name = arena_strndup(p->d->arena, s + p->pos, ident);
	if (!name) {
		d_nomem(p);
		return D_START_END;
	}
	return d_typedef_find(p->d, name) ? D_START_DECL : D_START_PROBE;
}

enum d_start d_start_of(struct d_parser *p)
{
	const char *s = p->text->bytes + p->pos;
	uint32_t end = word_end(p);
	size_t len = end - p->pos, ident = 0;

	if (p->pos >= p->text->len)
		return D_START_END;
	if (!isalpha((unsigned char)s[0]) && s[0] != '_')
		return D_START_PROBE;
	for (size_t i = 0; i < len; i++)
		if (strchr(":-.?!`$@", s[i]))
			return D_START_PROBE;
	while (isalnum((unsigned char)s[ident]) || s[ident] == '_')
		ident++;
	if (d_keyword_flag(d_keyword(s, ident)) != D_KF_NONE)
		return D_START_DECL;
	if ((len == 5 && (!memcmp(s, "BEGIN", 5) || !memcmp(s, "ERROR", 5))) ||
	    (len == 3 && !memcmp(s, "END", 3)))
		return D_START_PROBE;
	return ambiguous(p, ident, end);
}

/* Expands the macros of one part; a string argument loses its quotes. */
static const char *expand(struct d_parser *p, uint32_t at, uint32_t end)
{
	const char *s = p->text->bytes, *v, *out = "";

	while (at < end && !p->bad) {
		uint32_t plain = at;

		at = (uint32_t)(plain_char(s + at, s + end, "$") - s);
		if (at > plain)
			out = arena_printf(p->d->arena, "%s%.*s", out, (int)(at - plain),
					   s + plain);
		if (at < end && out && (v = d_macro_value(p, &at, NULL))) {
			size_t len = strlen(v),
			       quotes = len > 1 && v[0] == '"' && v[len - 1] == '"';

			out = arena_printf(p->d->arena, "%s%.*s", out, (int)(len - 2 * quotes),
					   v + quotes);
		}
		if (!out)
			return d_nomem(p);
	}
	return p->bad ? NULL : out;
}

static bool by_id(struct d_parser *p, struct d_pdesc *pd)
{
	uint64_t id;

	if (!text_u64(pd->text, &id) || !id || id > UINT32_MAX) {
		d_perror(p, pd->loc, D_PDESC_INVAL, "invalid probe id: %s", pd->text);
		return false;
	}
	pd->id = (uint32_t)id;
	pd->prov = pd->mod = pd->func = pd->name = "";
	return true;
}

/* Parts are counted from the right. The last part is the name; under -P, -m and -f it is the
 * provider, the module or the function. */
static bool by_name(struct d_parser *p, struct d_pdesc *pd, uint32_t end)
{
	static const char kinds[] = "Pmf";
	const char **parts[] = { &pd->prov, &pd->mod, &pd->func, &pd->name };
	const char *s = p->text->bytes, *kind = p->spec ? strchr(kinds, p->spec) : NULL;
	const char *from = s + pd->loc.off, *to;
	int colons = 0, part = kind ? (int)(kind - kinds) : 3;

	pd->prov = pd->mod = pd->func = pd->name = "";
	for (to = from; (to = plain_char(to, s + end, ":")) < s + end; to++)
		colons++;
	if (colons > part) {
		d_perror(p, pd->loc, D_PDESC_INVAL, "too many parts in probe description: %s",
			 pd->text);
		return false;
	}
	for (part -= colons; colons >= 0; part++, colons--, from = to + 1) {
		to = plain_char(from, s + end, ":");
		*parts[part] = expand(p, (uint32_t)(from - s), (uint32_t)(to - s));
		if (!*parts[part])
			return false;
		pd->given[part] = to > from && plain_char(from, to, "$*?[") == to;
	}
	return true;
}

bool d_pdesc_parse(struct d_parser *p, struct d_pdesc *pd)
{
	uint32_t start = p->pos, end = word_end(p);
	size_t digits;

	if (end == start) {
		p->pos += start < p->text->len;
		if (start < p->text->len && isprint((unsigned char)p->text->bytes[start]))
			d_perror(p, d_loc(p, start, p->pos), D_SYNTAX,
				 "syntax error near '%c': expected a probe description",
				 p->text->bytes[start]);
		else
			d_perror(p, d_loc(p, start, p->pos), D_SYNTAX,
				 "syntax error: expected a probe description");
		return false;
	}
	pd->loc = d_loc(p, start, end);
	p->pos = end;
	pd->text = arena_strndup(p->d->arena, p->text->bytes + start, end - start);
	if (!pd->text)
		return d_nomem(p);
	digits = strspn(pd->text, "0123456789");
	if (p->spec == 'i' || (!pd->text[digits] && (!p->spec || p->spec == 'n')))
		return by_id(p, pd);
	return by_name(p, pd, end);
}

/* ---- Written out ----------------------------------------------------------- */

static bool must_quote(char c, bool first)
{
	return strchr("*?[\\$:", c) || !is_word_char(c, !first);
}

const char *d_pdesc_quoted(struct arena *a, const char *part, bool first)
{
	const char *shown = text_printable(a, part);
	size_t n = 0;
	char *out, *to;

	for (const char *s = part; *s; s++)
		n += must_quote(*s, first);
	if (shown == part && !n)
		return part;
	to = out = shown ? arena_alloc(a, strlen(part) + n + 1) : NULL;
	if (!out)
		return "?";
	for (; *part; part++, shown++) {
		if (*shown == *part && must_quote(*part, first))
			*to++ = '\\';
		*to++ = *shown;
	}
	*to = '\0';
	return out;
}
