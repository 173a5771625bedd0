/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/cwords.c: the words of C headers that D lacks: attributes, asm labels,
 * typeof, static assertions, function bodies, initialisers.
 * In:   tokens; where D skips text, bytes up to the closing bracket.
 * Out:  struct d_cattrs: the attributes that change the places of members or a type.
 * Owns: nothing; all is in the arena.
 *
 * The C preprocessor leaves the compiler's own words in its output. Attributes
 * of layout must be obeyed, or offsets are wrong; others do not matter to D.
 */
#include "d/lex.h"

#include <string.h>

/* Moves p->pos from behind an opening bracket to the first of `ends` outside of inner brackets. It
 * reads bytes because some of C's tokens are not D's. */
static bool skip_to(struct d_parser *p, const char *ends)
{
	const struct text *t = p->text;
	struct loc start = p->tok.loc;
	unsigned depth = 0;

	while (p->pos < t->len) {
		char c = t->bytes[p->pos];

		if (c == '"' || c == '\'') {
			p->pos = d_skip_quoted(t, p->pos);
			continue;
		}
		if (c == '/' && t->bytes[p->pos + 1] == '*') {
			p->pos = d_peek_space(t, p->pos);
			continue;
		}
		if (!depth && c && strchr(ends, c))
			return true;
		depth += c == '{' || c == '(' || c == '[';
		depth -= depth && (c == '}' || c == ')' || c == ']');
		p->pos++;
	}
	d_perror(p, start, D_SYNTAX, "syntax error: this bracket is not closed");
	return false;
}

bool d_skip_parens(struct d_parser *p)
{
	if (p->bad || p->tok.kind != '(') {
		d_syntax(p, "'('");
		return false;
	}
	if (!skip_to(p, ")"))
		return false;
	d_next(p); /* the ')' */
	d_next(p);
	return !p->bad;
}

bool d_skip_index(struct d_parser *p)
{
	p->pos = p->tok.loc.off;
	if (!skip_to(p, "]"))
		return false;
	d_next(p);
	return d_expect(p, ']', "']'");
}

bool d_skip_body(struct d_parser *p)
{
	if (!skip_to(p, "}"))
		return false;
	d_next(p);
	d_relocate(p);
	return !p->bad;
}

bool d_skip_initializer(struct d_parser *p)
{
	if (p->tok.kind != '=')
		return !p->bad;
	if (!skip_to(p, ",;"))
		return false;
	d_next(p);
	return !p->bad;
}

/* ---- Attributes ------------------------------------------------------------- */

static bool align_to(struct d_parser *p, struct d_cattrs *a, struct loc at, int64_t n)
{
	if (n < 0 || n > D_ALIGN_LIMIT || (n & (n - 1))) {
		d_perror(p, at, D_DECL_COMBO, "an alignment must be a power of two: %lld",
			 (long long)n);
		return false;
	}
	a->aligned = (uint32_t)n > a->aligned ? (uint32_t)n : a->aligned;
	return true;
}

/* aligned without a number is the largest alignment of any type. */
static bool aligned(struct d_parser *p, struct d_cattrs *a)
{
	struct loc at = p->tok.loc;
	int64_t n = 16;

	if (d_accept(p, '(') && (!d_parse_const(p, &n) || !d_expect(p, ')', "')'")))
		return false;
	return !p->bad && align_to(p, a, at, n);
}

static bool vector(struct d_parser *p, struct d_cattrs *a)
{
	struct loc at = p->tok.loc;
	int64_t n;

	if (!d_expect(p, '(', "'('") || !d_parse_const(p, &n) || !d_expect(p, ')', "')'"))
		return false;
	if (n <= 0 || n > D_ALIGN_LIMIT) {
		d_perror(p, at, D_DECL_COMBO, "a vector cannot have %lld bytes", (long long)n);
		return false;
	}
	a->vector = (uint32_t)n;
	return true;
}

static bool mode(struct d_parser *p, struct d_cattrs *a)
{
	if (!d_expect(p, '(', "'('"))
		return false;
	a->mode = p->tok.str;
	d_next(p);
	return a->mode ? d_expect(p, ')', "')'") : (d_syntax(p, "a machine mode"), false);
}

static bool packed(struct d_parser *p, struct d_cattrs *a)
{
	a->packed = true;
	return !p->bad;
}

static const struct {
	const char *name;
	bool (*read)(struct d_parser *p, struct d_cattrs *a);
} attributes[] = {
	{ "packed", packed },
	{ "aligned", aligned },
	{ "mode", mode },
	{ "vector_size", vector },
};

/* __packed__ and packed are the same name. */
static bool is_named(const char *word, const char *name)
{
	size_t n = strlen(name);

	if (!strncmp(word, "__", 2))
		return !strncmp(word + 2, name, n) && !strcmp(word + 2 + n, "__");
	return !strcmp(word, name);
}

static bool attribute(struct d_parser *p, struct d_cattrs *a)
{
	const char *word = p->tok.str ? p->tok.str : "";

	if (p->tok.kind == ',' || p->tok.kind == ')')
		return true;
	d_next(p);
	for (size_t i = 0; i < COUNT(attributes); i++)
		if (is_named(word, attributes[i].name))
			return attributes[i].read(p, a);
	return p->tok.kind == '(' ? d_skip_parens(p) : !p->bad;
}

bool d_parse_attributes(struct d_parser *p, struct d_cattrs *a)
{
	while (!p->bad) {
		if (d_accept(p, D_KW___extension__))
			continue;
		if (d_accept(p, D_KW___asm__)) {
			if (!d_skip_parens(p))
				return false;
			continue;
		}
		if (!d_accept(p, D_KW___attribute__))
			break;
		if (!d_expect(p, '(', "'('") || !d_expect(p, '(', "'('"))
			return false;
		do {
			if (!attribute(p, a))
				return false;
		} while (d_accept(p, ','));
		if (!d_expect(p, ')', "')'") || !d_expect(p, ')', "')'"))
			return false;
	}
	return !p->bad;
}

/* _Alignas(8), _Alignas(long) */
bool d_parse_alignas(struct d_parser *p, struct d_cattrs *a)
{
	struct loc at = p->tok.loc;
	struct d_type *t;
	int64_t n;

	d_next(p);
	if (!d_expect(p, '(', "'('"))
		return false;
	if (d_at_type(p)) {
		t = d_type_name_parse(p);
		n = t ? d_align_of(t) : 0;
	} else if (!d_parse_const(p, &n)) {
		return false;
	}
	return d_expect(p, ')', "')'") && align_to(p, a, at, n);
}

/* ---- Types ------------------------------------------------------------------- */

/* The type of the size that mode(DI) gives; opaque if D has no such type. */
static struct d_type *with_mode(struct d *d, struct d_type *t, const char *name)
{
	static const struct {
		const char *name;
		enum d_basetype is_signed, is_unsigned;
	} modes[] = {
		{ "QI", D_INT8, D_UINT8 },    { "byte", D_INT8, D_UINT8 },
		{ "HI", D_INT16, D_UINT16 },  { "SI", D_INT32, D_UINT32 },
		{ "DI", D_INT64, D_UINT64 },  { "word", D_INT64, D_UINT64 },
		{ "SF", D_FLOAT, D_FLOAT },   { "pointer", D_INT64, D_UINT64 },
		{ "DF", D_DOUBLE, D_DOUBLE },
	};

	for (size_t i = 0; i < COUNT(modes); i++)
		if (is_named(name, modes[i].name))
			return d_base(d, d_resolve(t)->is_signed ? modes[i].is_signed :
								   modes[i].is_unsigned);
	return d_opaque(d, name, 16, 16);
}

struct d_type *d_with_attributes(struct d *d, struct d_type *t, const struct d_cattrs *a)
{
	if (t && a->mode)
		t = with_mode(d, t, a->mode);
	if (t && a->vector)
		t = d_opaque(d, "vector", a->vector, a->vector);
	return t;
}

/* typeof(type). typeof(expression) is an unknown type: an error only where it is used. */
struct d_type *d_parse_typeof(struct d_parser *p)
{
	struct d_type *t;

	d_next(p);
	if (!d_expect(p, '(', "'('"))
		return NULL;
	if (d_at_type(p)) {
		t = d_type_name_parse(p);
	} else {
		p->pos = p->tok.loc.off;
		if (!skip_to(p, ")"))
			return NULL;
		d_next(p);
		t = d_unknown_type(p->d, "typeof");
	}
	return t && d_expect(p, ')', "')'") ? t : NULL;
}
