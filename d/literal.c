/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/literal.c: reads tokens with a value: numbers, characters, strings, and
 * macros, which become a literal or a name (guide: chp-types, chp-script).
 * In:   p->text at p->pos; the macros of the configuration.
 * Out:  p->tok; p->pos is behind it.
 * Owns: nothing; strings are in the arena.
 */
#include "d/lex.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The type by C's rules. u, l: the suffix has a u, has so many l. Constants that are not decimal
 * may be unsigned without a u. */
static enum d_basetype int_type(uint64_t v, bool decimal, bool u, int l)
{
	bool may_u = u || !decimal;

	if (!l && !u && v <= INT_MAX)
		return D_INT;
	if (!l && may_u && v <= UINT_MAX)
		return D_UINT;
	if (!u && v <= LONG_MAX)
		return l == 2 ? D_LONGLONG : D_LONG;
	return l == 2 ? D_ULONGLONG : D_ULONG;
}

static bool int_suffix(const char *s, size_t n, bool *u, int *l)
{
	*u = false;
	*l = 0;
	while (n) {
		if ((*s == 'u' || *s == 'U') && !*u) {
			*u = true;
			s++, n--;
		} else if ((*s == 'l' || *s == 'L') && !*l) {
			*l = n > 1 && s[1] == *s ? 2 : 1;
			s += *l, n -= (size_t)*l;
		} else {
			return false;
		}
	}
	return true;
}

/* Reads a whole word as an integer; errors are reported at `at`. */
static bool int_value(struct d_parser *p, const char *s, size_t n, struct loc at,
		      const struct diag_tag *oflow)
{
	unsigned base = 10, digit;
	uint64_t v = 0;
	size_t i = 0;
	bool u, over = false;
	int l;

	if (n > 1 && s[0] == '0') {
		base = s[1] == 'x' || s[1] == 'X' ? 16 : 8;
		i = base == 16 ? 2 : 1;
	}
	for (; i < n; i++) {
		digit = isdigit((unsigned char)s[i])  ? (unsigned)(s[i] - '0') :
			isxdigit((unsigned char)s[i]) ? (unsigned)(tolower(s[i]) - 'a') + 10 :
							99;
		if (digit >= base)
			break;
		over |= __builtin_mul_overflow(v, (uint64_t)base, &v);
		over |= __builtin_add_overflow(v, (uint64_t)digit, &v);
	}
	if (!int_suffix(s + i, n - i, &u, &l) || (base == 16 && i == 2)) {
		d_perror(p, at, D_INT_DIGIT, "constant %.*s contains invalid digit %c",
			 (int)(n < 64 ? n : 64), s, i < n ? s[i] : s[1]);
		return false;
	}
	if (over) {
		d_perror(p, at, oflow, "constant %.*s results in integer overflow",
			 (int)(n < 64 ? n : 64), s);
		return false;
	}
	p->tok.kind = D_TK_INT;
	p->tok.ival = v;
	p->tok.itype = int_type(v, base == 10, u, l);
	return true;
}

/* The length of a floating-point constant at s; 0: it has no point and no exponent. */
static size_t float_len(const char *s)
{
	size_t n = 0, e;
	bool is_float = false;

	while (isdigit((unsigned char)s[n]))
		n++;
	if (s[n] == '.' && s[n + 1] != '.') {
		is_float = true;
		for (n++; isdigit((unsigned char)s[n]); n++)
			;
	}
	if (s[n] == 'e' || s[n] == 'E') {
		e = n + 1;
		e += s[e] == '+' || s[e] == '-';
		if (isdigit((unsigned char)s[e])) {
			is_float = true;
			for (n = e; isdigit((unsigned char)s[n]); n++)
				;
		}
	}
	return is_float ? n : 0;
}

void d_lex_number(struct d_parser *p)
{
	const char *s = p->text->bytes + p->pos;
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	size_t n = hex ? 0 : float_len(s);
	uint32_t start = p->pos;

	if (n) {
		p->tok.kind = D_TK_FLOAT;
		p->tok.fval = strtod(s, NULL);
		n += s[n] && strchr("fFlL", s[n]);
		p->pos += (uint32_t)n;
		return;
	}
	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	p->pos += (uint32_t)n;
	int_value(p, s, n, d_loc(p, start, p->pos), D_INT_OFLOW);
}

/* The byte of the escape at s, which is behind the backslash; *used: bytes read. */
static char escape(const char *s, size_t len, size_t *used)
{
	static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
	const char *at = s[0] ? strchr(from, s[0]) : NULL;
	unsigned v = 0;
	size_t n = 0;

	*used = 1;
	if (at)
		return to[at - from];
	if (s[0] == 'x' && len > 1 && isxdigit((unsigned char)s[1])) {
		for (n = 1; n < len && n < 3 && isxdigit((unsigned char)s[n]); n++)
			v = v * 16 + (isdigit((unsigned char)s[n]) ?
					      (unsigned)(s[n] - '0') :
					      (unsigned)(tolower(s[n]) - 'a') + 10);
	} else {
		for (; n < len && n < 3 && s[n] >= '0' && s[n] <= '7'; n++)
			v = v * 8 + (unsigned)(s[n] - '0');
	}
	if (!n)
		return s[0];
	*used = n;
	return (char)v;
}

static char *unescape(struct d_parser *p, const char *s, size_t len, size_t *out_len)
{
	char *out = arena_alloc(p->d->arena, len + 1);
	size_t n = 0, used;

	if (!out)
		return d_nomem(p);
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\\' && i + 1 < len) {
			out[n++] = escape(s + i + 1, len - i - 1, &used);
			i += used;
		} else {
			out[n++] = s[i];
		}
	}
	*out_len = n;
	return out;
}

/* The text between two quotes of the kind at p->pos; p->pos moves behind them. NULL: reported. */
static const char *quoted(struct d_parser *p, const struct diag_tag *tag, const char *what,
			  size_t *len)
{
	const char *s = p->text->bytes + p->pos, *end = p->text->bytes + p->text->len, *e = s + 1;
	uint32_t start = p->pos;

	while (e < end && *e != s[0] && *e != '\n')
		e += *e == '\\' && e + 1 < end && e[1] != '\n' ? 2 : 1;
	p->pos = (uint32_t)(e - p->text->bytes);
	if (e == end || *e == '\n') {
		d_perror(p, d_loc(p, start, p->pos), tag,
			 e == end ? "end of input encountered in %s" : "newline encountered in %s",
			 what);
		return NULL;
	}
	p->pos++;
	*len = (size_t)(e - s) - 1;
	return s + 1;
}

void d_lex_string(struct d_parser *p)
{
	size_t len;
	const char *s = quoted(p, D_STR_NL, "string literal", &len);

	p->tok.kind = D_TK_STRING;
	if (s)
		p->tok.str = unescape(p, s, len, &p->tok.len);
	else
		p->tok.str = ""; /* reported */
}

/* Up to eight characters make a number, the first in the highest byte (chp-types). */
void d_lex_char(struct d_parser *p)
{
	uint32_t start = p->pos;
	size_t len, n = 0;
	const char *s = quoted(p, D_CHR_NL, "character constant", &len);
	const char *v = s ? unescape(p, s, len, &n) : NULL;

	p->tok.kind = D_TK_INT;
	if (!v)
		return;
	if (!n)
		d_perror(p, d_loc(p, start, p->pos), D_CHR_NULL, "empty character constant");
	else if (n > sizeof(p->tok.ival))
		d_perror(p, d_loc(p, start, p->pos), D_CHR_OFLOW, "character constant is too long");
	else
		for (size_t i = 0; i < n; i++)
			p->tok.ival = p->tok.ival << 8 | (unsigned char)v[i];
	p->tok.itype = n <= sizeof(int) ? D_INT : D_LONG;
}

/* ---- macros -------------------------------------------------------------- */

static const char *argument(struct d_parser *p, const char *digits, size_t n, bool quoted_form,
			    struct loc at)
{
	const struct d_config *c = &p->d->config;
	uint64_t i = 0;

	for (size_t k = 0; k < n && i <= INT_MAX; k++)
		i = i * 10 + (uint64_t)(digits[k] - '0');
	if (c->argc > 0 && i < (uint64_t)c->argc) {
		p->d->front->arg_used[i] = true;
		return c->argv[i];
	}
	if (c->opt.defaultargs)
		return quoted_form ? "" : "0";
	d_perror(p, at, D_MACRO_UNDEF, "macro argument %.*s is not defined", (int)at.len,
		 p->text->bytes + at.off);
	return NULL;
}

/* Without a process $target is 0, which no process has, so `/pid == $target/` is never true. */
static const char *named(struct d_parser *p, const char *name, size_t n, bool pdesc, struct loc at)
{
	bool target = n == 6 && !memcmp(name, "target", 6);

	for (size_t i = 0; i < p->d->config.nmacros; i++) {
		const struct d_macro *m = &p->d->config.macros[i];

		if (strlen(m->name) == n && !memcmp(m->name, name, n))
			return m->value;
	}
	if (target && !pdesc)
		return "0";
	d_perror(p, at, D_MACRO_UNDEF, "macro variable %.*s is not defined", (int)at.len,
		 p->text->bytes + at.off);
	if (target && !p->quiet)
		diag_hint(p->d->diag, "$target is the process of -c or -p");
	return NULL;
}

const char *d_macro_value(struct d_parser *p, uint32_t *pos, bool *is_string)
{
	const char *s = p->text->bytes;
	uint32_t start = *pos, name = start + 1;
	size_t n = 0;
	struct loc at;
	bool quoted = s[name] == '$', is_arg = isdigit((unsigned char)s[name + quoted]);

	name += quoted;
	if (is_string)
		*is_string = quoted;
	while (is_arg ? isdigit((unsigned char)s[name + n]) :
			(isalnum((unsigned char)s[name + n]) || s[name + n] == '_'))
		n++;
	*pos = name + (uint32_t)n;
	at = d_loc(p, start, *pos);
	if (!n) {
		d_perror(p, at, D_SYNTAX, "syntax error near '$': a macro's name follows it");
		return NULL;
	}
	return is_arg ? argument(p, s + name, n, quoted, at) :
			named(p, s + name, n, !is_string, at);
}

/* Makes a token of an argument's text: an integer, a name, or else a string, quoted or not. */
static void macro_token(struct d_parser *p, const char *v, struct loc at)
{
	size_t len = strlen(v), i = 0, sign = v[0] == '-' || v[0] == '+';

	while (d_is_ident_char(v[sign + i]))
		i++;
	if (len > sign && sign + i == len && isdigit((unsigned char)v[sign])) {
		if (int_value(p, v + sign, len - sign, at, D_MACRO_OFLOW) && v[0] == '-') {
			p->tok.ival = -p->tok.ival;
			p->tok.itype = p->tok.itype == D_INT ? D_INT : D_LONG;
		}
	} else if (len && !sign && i == len) {
		p->tok.kind = strchr(v, '`') ? D_TK_IDENT : d_keyword(v, len);
		p->tok.str = v;
		p->tok.len = len;
	} else {
		bool quotes = len > 1 && v[0] == '"' && v[len - 1] == '"';

		p->tok.kind = D_TK_STRING;
		p->tok.str = unescape(p, v + quotes, len - 2 * quotes, &p->tok.len);
	}
}

void d_lex_macro(struct d_parser *p)
{
	uint32_t start = p->pos;
	bool is_string;
	const char *v = d_macro_value(p, &p->pos, &is_string);

	if (!v)
		return;
	if (is_string) {
		p->tok.kind = D_TK_STRING;
		p->tok.str = unescape(p, v, strlen(v), &p->tok.len);
	} else {
		macro_token(p, v, d_loc(p, start, p->pos));
	}
}

bool d_args_all_used(struct d *d)
{
	bool all = true;

	for (int i = 1; !d->config.opt.argref_ok && i < d->config.argc; i++)
		if (!d->front->arg_used[i]) {
			d_error(d, NOWHERE, D_MACRO_UNUSED,
				"extraneous argument '%s' ($%d is not referenced)",
				d->config.argv[i], i);
			all = false;
		}
	return all;
}
