/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/proto.c: reads a probe's prototype: "int id, const char *url".
 * In:   the parameters of a C prototype, or types alone.
 * Out:  type and name of each as the type note has them, size and sign.
 * Owns: one block of strings in the result, until usdt_proto_free.
 *
 * A type must have a known size: C's own types, those of the table below, any
 * pointer. An array is a pointer, as in C.
 */
#include "usdt/live.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	VOID = 1,
	CHAR = 2,
	SHORT = 4,
	INT = 8,
	LONG = 16,
	LLONG = 32,
	FLOAT = 64,
	DOUBLE = 128,
	BOOL = 256,
	SIGNED = 512,
	UNSIGNED = 1024,
	SIGNS = SIGNED | UNSIGNED
};

static const struct {
	const char *word;
	unsigned bit;
} keywords[] = {
	{ "void", VOID },     { "char", CHAR },		{ "short", SHORT },   { "int", INT },
	{ "long", LONG },     { "float", FLOAT },	{ "double", DOUBLE }, { "_Bool", BOOL },
	{ "signed", SIGNED }, { "unsigned", UNSIGNED },
};

/* The types that keywords make, without sign and without the int of short int. */
static const struct {
	unsigned bits;
	struct usdt_param is;
} bases[] = {
	{ CHAR, { .size = 1, .is_signed = CHAR_MIN < 0 } },
	{ SHORT, { .size = 2, .is_signed = true } },
	{ INT, { .size = 4, .is_signed = true } },
	{ LONG, { .size = sizeof(long), .is_signed = true } },
	{ LLONG, { .size = 8, .is_signed = true } },
	{ BOOL, { .size = 1 } },
	{ FLOAT, { .size = 4, .is_float = true } },
	{ DOUBLE, { .size = 8, .is_float = true } },
};

#define TYPE(t)                                                      \
	{                                                            \
#t,                                                  \
		{                                                    \
			.size = sizeof(t), .is_signed = (t)-1 < (t)1 \
		}                                                    \
	}
static const struct {
	const char *name;
	struct usdt_param is;
} names[] = {
	TYPE(int8_t),
	TYPE(int16_t),
	TYPE(int32_t),
	TYPE(int64_t),
	TYPE(uint8_t),
	TYPE(uint16_t),
	TYPE(uint32_t),
	TYPE(uint64_t),
	TYPE(intptr_t),
	TYPE(uintptr_t),
	TYPE(size_t),
	TYPE(ssize_t),
	TYPE(ptrdiff_t),
	TYPE(pid_t),
	TYPE(uid_t),
	TYPE(gid_t),
	TYPE(id_t),
	TYPE(mode_t),
	TYPE(dev_t),
	TYPE(ino_t),
	TYPE(off_t),
	TYPE(time_t),
	TYPE(u_char),
	TYPE(u_short),
	TYPE(u_int),
	TYPE(u_long),
	{ "bool", { .size = 1 } },
	{ "string", { .size = sizeof(void *) } }, /* D's; in C a char * */
};

struct scan {
	const char *at;
	char *to;      /* where strings go: the block has room for all of them */
	char *type;    /* the type under way */
	unsigned bits; /* keywords seen */
	bool based;    /* the type is complete: the next word is the argument's name */
	bool is_void;
	struct usdt_param is;
};

static void blanks(struct scan *s)
{
	while (isspace((unsigned char)*s->at))
		s->at++;
}

/* The length of the next word; 0: no word is next. */
static size_t word_len(struct scan *s)
{
	size_t n = 0;

	blanks(s);
	while (isalnum((unsigned char)s->at[n]) || s->at[n] == '_')
		n++;
	return isdigit((unsigned char)*s->at) ? 0 : n;
}

static bool is_word(const struct scan *s, size_t n, const char *word)
{
	return strlen(word) == n && !memcmp(s->at, word, n);
}

static void take(struct scan *s, size_t n)
{
	if (s->to > s->type && s->to[-1] != '*')
		*s->to++ = ' ';
	memcpy(s->to, s->at, n);
	s->to += n;
	s->at += n;
}

static bool is_keyword(const struct scan *s, size_t n)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (is_word(s, n, keywords[i].word))
			return true;
	return false;
}

static bool is_qualifier(const struct scan *s, size_t n)
{
	return is_word(s, n, "const") || is_word(s, n, "volatile") || is_word(s, n, "restrict");
}

/* false: not a keyword, or a keyword that cannot follow the words before it. */
static bool keyword(struct scan *s, size_t n)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++) {
		if (s->based || !is_word(s, n, keywords[i].word))
			continue;
		if (keywords[i].bit == LONG && (s->bits & LONG))
			s->bits = (s->bits & ~(unsigned)LONG) | LLONG;
		else if (s->bits & keywords[i].bit)
			return false;
		else
			s->bits |= keywords[i].bit;
		return true;
	}
	return false;
}

/* struct x, union x (as pointers only), enum x. */
static bool tagged(struct scan *s, size_t n)
{
	bool is_enum = is_word(s, n, "enum");

	if (s->bits || s->based ||
	    (!is_enum && !is_word(s, n, "struct") && !is_word(s, n, "union")))
		return false;
	take(s, n);
	s->is = is_enum ? (struct usdt_param){ .size = 4, .is_signed = true } :
			  (struct usdt_param){ 0 };
	return true;
}

static void named(struct scan *s, size_t n)
{
	s->is = (struct usdt_param){ 0 }; /* an unknown typedef: only a pointer to it has a size */
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (is_word(s, n, names[i].name))
			s->is = names[i].is;
}

/* Sets the type that the keywords make; false: they make none (short double). */
static bool base_of(struct scan *s)
{
	unsigned bits = s->bits & ~(unsigned)SIGNS;

	if ((s->bits & SIGNS) == SIGNS)
		return false;
	s->is_void = bits == VOID && !(s->bits & SIGNS);
	if (s->is_void)
		return true;
	if (!bits)
		bits = INT;
	if (bits & (SHORT | LONG | LLONG))
		bits &= ~(unsigned)INT;
	for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
		if (bases[i].bits != bits)
			continue;
		if ((s->bits & SIGNS) && bits & (FLOAT | DOUBLE | BOOL))
			return false;
		s->is = bases[i].is;
		if (s->bits & SIGNS)
			s->is.is_signed = s->bits & SIGNED;
		return true;
	}
	return false;
}

/* Reads the words before stars and name. */
static int specifiers(struct scan *s)
{
	size_t n;

	while ((n = word_len(s))) {
		if (is_qualifier(s, n) || keyword(s, n)) {
			take(s, n);
		} else if (tagged(s, n)) {
			n = word_len(s);
			if (!n)
				return -EINVAL;
			take(s, n);
			s->based = true;
		} else if (!s->bits && !s->based) {
			named(s, n);
			take(s, n);
			s->based = true;
		} else {
			break;
		}
	}
	if (s->bits ? !base_of(s) : !s->based)
		return -EINVAL;
	return 0;
}

static size_t stars(struct scan *s)
{
	size_t count = 0, n;

	for (;;) {
		n = word_len(s);
		if (*s->at == '*') {
			if (s->to[-1] != '*')
				*s->to++ = ' ';
			*s->to++ = '*';
			s->at++;
			count++;
		} else if (count && is_qualifier(s, n)) {
			take(s, n);
		} else {
			return count;
		}
	}
}

/* Reads [16] after the name. The type gets one more star: an array is passed as a pointer. */
static int arrays(struct scan *s, size_t *pointers)
{
	size_t count = 0;

	for (blanks(s); *s->at == '['; blanks(s)) {
		s->at += 1 + strcspn(s->at + 1, "],");
		if (*s->at++ != ']')
			return -EINVAL;
		count++;
	}
	if (count && s->to[-1] != '*')
		*s->to++ = ' ';
	*pointers += count != 0;
	if (count > 1) /* a pointer to an array: the note has no form for that */
		return -EINVAL;
	if (count)
		*s->to++ = '*';
	return 0;
}

static int parameter(struct scan *s, struct usdt_param *out)
{
	const char *name;
	size_t pointers, n;
	int err;

	s->type = s->to;
	s->bits = 0;
	s->based = s->is_void = false;
	err = specifiers(s);
	if (err)
		return err;
	pointers = stars(s);
	n = word_len(s);
	if (is_keyword(s, n)) /* int int */
		return -EINVAL;
	name = s->at;
	s->at += n;
	err = arrays(s, &pointers);
	if (err)
		return err;
	*s->to++ = '\0';
	if (pointers)
		*out = (struct usdt_param){ .size = sizeof(void *) };
	else if (s->is_void)
		*out = (struct usdt_param){ 0 };
	else
		*out = s->is;
	out->type = s->type;
	out->name = s->to;
	memcpy(s->to, name, n);
	s->to += n;
	*s->to++ = '\0';
	blanks(s);
	return 0;
}

int usdt_proto_parse(const char *text, struct usdt_proto *proto)
{
	struct scan s = { .at = text ? text : "" };
	int err = 0;

	*proto = (struct usdt_proto){ 0 };
	blanks(&s);
	if (!*s.at)
		return 0;
	/* The strings need each byte once, at most one blank before it, and two NULs per comma. */
	proto->text = s.to = malloc(2 * strlen(s.at) + 8);
	if (!s.to)
		return -ENOMEM;
	for (;;) {
		struct usdt_param *p = &proto->param[proto->n];

		if (proto->n == USDT_POINT_ARGS)
			err = -E2BIG;
		else
			err = parameter(&s, p);
		if (err)
			break;
		if (!p->size && s.is_void && !proto->n && !*p->name && !*s.at)
			return 0; /* (void) */
		proto->n++;
		err = p->size && (*s.at == ',' || !*s.at) ? 0 : -EINVAL;
		if (err || !*s.at)
			break;
		s.at++;
	}
	if (err)
		usdt_proto_free(proto);
	return err;
}

void usdt_proto_free(struct usdt_proto *proto)
{
	free(proto->text);
	*proto = (struct usdt_proto){ 0 };
}

bool usdt_proto_same(const struct usdt_proto *a, const struct usdt_proto *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->param[i].type, b->param[i].type) ||
		    strcmp(a->param[i].name, b->param[i].name))
			return false;
	return true;
}
