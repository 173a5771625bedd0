/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/pragma.c: reads lines that begin with #: `#!`, cpp's line markers, #pragma
 * D option, attributes, binding and depends_on (guide: chp-opt, chp-stab). An
 * error does not end the clause around it: the line is left out.
 * In:   p->pos at the #.
 * Out:  options given to config.option; attributes of providers, kept in
 *       d->front until the text is read; attributes of names, kept in stab.c.
 * Owns: nothing; all is in the arena.
 */
#include "d/lex.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *const provider_parts[] = {
	"provider", "module", "function", "name", "args", NULL
};

#define MAX_WORDS 8

struct line {
	struct d_parser *p;
	struct loc at;		     /* from the # to the end of the line */
	const char *word[MAX_WORDS]; /* without quotes */
	struct loc loc[MAX_WORDS];
	size_t n;
};

static void complain(struct line *l, struct loc at, const struct diag_tag *tag, const char *what,
		     const char *arg)
{
	if (l->p->quiet)
		return;
	l->p->d->front->errors++;
	d_error(l->p->d, at, tag, "%s%s%s", what, arg ? ": " : "", arg ? arg : "");
}

/* Splits the line at blanks and "quotes", up to a comment. false: too many words, or no memory. */
static bool split(struct line *l, const char *s, uint32_t at, uint32_t end)
{
	while (at < end) {
		uint32_t start = at;
		bool quotes = s[at] == '"';

		if (isspace((unsigned char)s[at])) {
			at++;
			continue;
		}
		if (s[at] == '/' && s[at + 1] == '*')
			break;
		if (l->n == MAX_WORDS)
			return false;
		if (quotes) {
			for (start = ++at; at < end && s[at] != '"'; at++)
				;
		} else {
			while (at < end && !isspace((unsigned char)s[at]) && s[at] != '"')
				at++;
		}
		l->loc[l->n] = d_loc(l->p, start, at);
		l->word[l->n] = arena_strndup(l->p->d->arena, s + start, at - start);
		if (!l->word[l->n])
			return d_nomem(l->p);
		l->n++;
		at += quotes && at < end;
	}
	return true;
}

static void option(struct line *l)
{
	const struct d_config *c = &l->p->d->config;
	const char *name = l->n > 3 ? l->word[3] : "", *eq = strchr(name, '='), *value = NULL;

	if (l->n < 4 || l->n > 5 || eq == name || (l->n == 5 && (!eq || eq[1]))) {
		complain(l, l->at, D_PRAGMA_MALFORM, "expected #pragma D option name[=value]",
			 NULL);
		return;
	}
	if (eq) {
		value = l->n == 5 ? l->word[4] : eq + 1;
		name = arena_strndup(l->p->d->arena, name, (size_t)(eq - name));
		if (!name) {
			d_nomem(l->p);
			return;
		}
	}
	if (c->option && !c->option(c->option_ctx, name, value, l->loc[3])) {
		l->p->d->failed = true;
		l->p->d->front->errors++;
	}
}

static int find(const char *const *names, const char *s, size_t n)
{
	for (int i = 0; names[i]; i++)
		if (strlen(names[i]) == n && !memcmp(names[i], s, n))
			return i;
	return -1;
}

/* Handles a pragma about a name. The generator ignores it: names matter to tracing alone. */
static void of_name(struct line *l, const struct d_attr *attr, size_t i)
{
	struct d *d = l->p->d;

	if (d->config.providers || l->p->quiet)
		return;
	if (d_ident_pragma(d, l->word[i], l->word[2], attr, l->loc[i]))
		return;
	d->front->errors++;
	if (!d->failed)
		d_nomem(l->p);
}

static void attributes(struct line *l)
{
	struct d_front *f = l->p->d->front;
	struct d_attr_pragma *slot;
	struct d_attr attr;
	int which = -1;

	if (l->n < 5 || (l->n > 5 && strcmp(l->word[4], "provider"))) {
		complain(
			l, l->at, D_PRAGMA_MALFORM,
			"expected #pragma D attributes name/data/class identifier, or provider with its name and part",
			NULL);
		return;
	}
	if (!d_attr_parse(l->word[3], &attr)) {
		complain(l, l->loc[3], D_PRAGMA_INVAL, "invalid stability attributes", l->word[3]);
		return;
	}
	if (strcmp(l->word[4], "provider") || l->n == 5) {
		of_name(l, &attr, 4);
		return;
	}
	if (l->n == 7)
		which = find(provider_parts, l->word[6], strlen(l->word[6]));
	if (which < 0) {
		complain(l, l->loc[l->n - 1], D_PRAGMA_MALFORM,
			 "expected provider, module, function, name or args", NULL);
		return;
	}
	slot = ARENA_PUSH(l->p->d->arena, f->attrs, f->nattrs, f->attrs_cap);
	if (!slot) {
		d_nomem(l->p);
		return;
	}
	*slot = (struct d_attr_pragma){ l->word[5], which, attr };
}

bool d_version_parse(const char *s, uint32_t *version)
{
	static const uint32_t most[] = { 255, 4095, 4095 };
	uint32_t v = 0;

	for (size_t i = 0; i < COUNT(most); i++) {
		size_t n = strspn(s, "0123456789");
		unsigned long part = n && n < 5 ? strtoul(s, NULL, 10) : n ? ULONG_MAX : 0;

		if ((!n && (*s || !i)) || part > most[i])
			return false;
		v = (i ? v << 12 : 0) | (uint32_t)part;
		s += n;
		if (*s == '.' && i + 1 < COUNT(most) && s[1])
			s++;
		else if (*s)
			return false;
	}
	if (version)
		*version = v;
	return true;
}

/* Checks only the form of a binding, because there is one version of the language. */
static void binding(struct line *l)
{
	if (l->n != 5)
		complain(l, l->at, D_PRAGMA_MALFORM,
			 "expected #pragma D binding \"version\" identifier", NULL);
	else if (!d_version_parse(l->word[3], NULL))
		complain(l, l->loc[3], D_PRAGMA_INVAL, "invalid version", l->word[3]);
	else
		of_name(l, NULL, 4);
}

/* `#pragma D depends_on KIND NAME`? */
static bool is_dependency(const struct line *l)
{
	static const char *const kinds[] = { "library", "module", "provider", NULL };

	return l->n == 5 && !strcmp(l->word[0], "pragma") && !strcmp(l->word[1], "D") &&
	       !strcmp(l->word[2], "depends_on") &&
	       find(kinds, l->word[3], strlen(l->word[3])) >= 0;
}

static void depends_on(struct line *l)
{
	const struct d_names *names = l->p->d->config.names;
	const char *what;

	if (!is_dependency(l)) {
		complain(l, l->at, D_PRAGMA_MALFORM,
			 "expected #pragma D depends_on library, module or provider, and its name",
			 NULL);
		return;
	}
	what = arena_printf(l->p->d->arena, "%s %s", l->word[3], l->word[4]);
	if (!strcmp(l->word[3], "library") && (l->p->library || l->p->d->config.providers))
		return;
	if (!strcmp(l->word[3], "library"))
		complain(l, l->at, D_PRAGMA_DEPEND, "a program cannot depend on a library", what);
	else if (names && names->exists && !l->p->quiet &&
		 !names->exists(names->ctx, l->word[3], l->word[4]))
		complain(l, l->at, D_PRAGMA_DEPEND, "the program needs what is not here", what);
}

static const struct {
	const char *name;
	void (*run)(struct line *l);
} pragmas[] = {
	{ "option", option },
	{ "attributes", attributes },
	{ "binding", binding },
	{ "depends_on", depends_on },
};

/* C's #pragma pack(2), pack(), pack(push, 2), pack(push), pack(pop) limit members' alignment. */
static void pack(struct d_parser *p, const char *s)
{
	const char *open = s ? strchr(s, '(') : NULL,
		   *number = open ? strpbrk(open, "0123456789)") : NULL;
	bool push = open && strstr(open, "push"), pop = open && strstr(open, "pop");

	if (!number)
		return;
	if (push) {
		if (p->npacks < D_MAX_PACKS)
			p->packs[p->npacks] = p->most_aligned;
		p->npacks++;
	}
	if (pop && p->npacks && --p->npacks < D_MAX_PACKS)
		p->most_aligned = p->packs[p->npacks];
	if (isdigit((unsigned char)*number))
		p->most_aligned = (uint32_t)strtoul(number, NULL, 10);
	else if (!push && !pop)
		p->most_aligned = 0;
}

/* Other pragmas than D's are the C compiler's. Of those only pack matters: it moves members. */
static void pragma(struct line *l)
{
	if (l->n > 1 && !strncmp(l->word[1], "pack", 4) && !isalnum((unsigned char)l->word[1][4])) {
		const struct loc at = l->at;

		pack(l->p, arena_strndup(l->p->d->arena, at.text->bytes + at.off, at.len));
		return;
	}
	if (l->n < 2 || strcmp(l->word[1], "D"))
		return;
	for (size_t i = 0; l->n > 2 && i < COUNT(pragmas); i++)
		if (!strcmp(pragmas[i].name, l->word[2])) {
			pragmas[i].run(l);
			return;
		}
	complain(l, l->n > 2 ? l->loc[2] : l->at, D_PRAGMA_INVAL, "invalid D pragma",
		 l->n > 2 ? l->word[2] : NULL);
}

/*
 * cpp's directives in a provider file are warnings without -C: the generated
 * macros do not depend on them, and SystemTap's dtrace skips them. Both
 * branches of a condition are read, as there.
 */
static bool may_lack(struct line *l)
{
	static const char *const directives[] = { "include", "define", "undef", "if",	 "ifdef",
						  "ifndef",  "elif",   "else",	"endif", NULL };

	if (!l->p->d->config.providers || find(directives, l->word[0], strlen(l->word[0])) < 0)
		return false;
	if (!l->p->quiet) {
		diag_warn(l->p->d->diag, l->loc[0], "passed over without -C: #%s", l->word[0]);
		diag_hint(l->p->d->diag, "-C runs the C preprocessor first");
	}
	return true;
}

/* Is that place between #if, #ifdef or #ifndef and its #endif? */
static bool is_conditional(const struct d_parser *p, uint32_t at)
{
	const struct text *t = p->text;
	int depth = 0;

	for (size_t i = 0; i < t->nlines && t->lines[i] < at; i++) {
		const char *s = t->bytes + t->lines[i];

		s += strspn(s, " \t");
		if (*s != '#')
			continue;
		s += 1 + strspn(s + 1, " \t");
		depth += !strncmp(s, "if", 2);
		depth -= !strncmp(s, "endif", 5) && depth;
	}
	return depth;
}

/* Reads the line of the # at p->pos, which moves to its end. A #! line, which is for the kernel,
 * has no words. false: too many words for a pragma, or no memory. */
static bool line_read(struct line *l)
{
	struct d_parser *p = l->p;
	const char *s = p->text->bytes;
	uint32_t start = p->pos, end = start;

	while (end < p->text->len && s[end] != '\n')
		end++;
	p->pos = end;
	l->at = d_loc(p, start, end);
	return s[start + 1] == '!' || split(l, s, start + 1, end);
}

bool d_dependency_next(struct d *d, const struct text *text, uint32_t *at, struct d_dependency *out)
{
	struct d_parser p = { .d = d, .text = text, .pos = *at, .quiet = true };
	const char *s = text->bytes;
	bool closed;

	while (p.pos < text->len && !p.bad) {
		struct line l = { .p = &p };

		if (s[p.pos] == '/' && s[p.pos + 1] == '*') {
			p.pos = d_comment_end(text, p.pos, &closed);
		} else if (s[p.pos] == '"' || s[p.pos] == '\'') {
			p.pos = d_skip_quoted(text, p.pos);
		} else if (s[p.pos] != '#' || !d_begins_line(s, p.pos)) {
			p.pos++;
		} else if (line_read(&l) && is_dependency(&l)) {
			*at = p.pos;
			*out = (struct d_dependency){ l.word[3], l.word[4] };
			return true;
		}
	}
	return false;
}

void d_control_line(struct d_parser *p)
{
	struct line l = { .p = p };
	uint32_t start = p->pos;
	bool fits = line_read(&l);

	if (p->bad || l.n == 0)
		return;
	if (isdigit((unsigned char)l.word[0][0]) || !strcmp(l.word[0], "line")) {
		const char *name = l.n > 1 ? l.word[l.word[0][0] == 'l' ? 2 : 1] : NULL;

		if (name)
			p->in_header = d_is_header(name, strlen(name));
		return;
	}
	if (!strcmp(l.word[0], "ident"))
		return;
	if (!strcmp(l.word[0], "error") && !(p->d->config.providers && is_conditional(p, start))) {
		complain(&l, l.at, D_PRAGERR, "#error", NULL);
	} else if (!strcmp(l.word[0], "error") || may_lack(&l)) {
		return;
	} else if (strcmp(l.word[0], "pragma")) {
		complain(&l, l.loc[0], D_PRAGCTL_INVAL, "invalid control directive", l.word[0]);
		if (!p->quiet)
			diag_hint(p->d->diag, "-C runs the C preprocessor over scripts (-s) first");
	} else if (!fits && l.n > 1 && !strcmp(l.word[1], "D")) {
		complain(&l, l.at, D_PRAGMA_MALFORM, "too many words in pragma", NULL);
	} else {
		pragma(&l);
	}
}
