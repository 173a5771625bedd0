/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/options.c: the options of chp-opt, from one table.
 * In:   names and values as -x, #pragma D option and setopt give them.
 * Out:  numbers (bytes, ns, counts, flags) and strings.
 * Owns: nothing; the run owns the values.
 */
#include "consumer/run/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct parsed {
	int64_t value;
	const char *text;
};
typedef bool parser(const char *s, struct parsed *out);

struct suffix {
	const char *name;
	uint64_t factor;
};

/* A number as C writes it, and where it ends; false: no number, or too large. */
static bool number(const char *s, uint64_t *v, const char **end)
{
	char *stop;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*v = strtoull(s, &stop, 0);
	*end = stop;
	return errno == 0;
}

static bool scaled(const char *s, const struct suffix *table, size_t n, int64_t *out)
{
	const char *end;
	uint64_t v, r;

	if (!number(s, &v, &end))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(end, table[i].name))
			continue;
		if (__builtin_mul_overflow(v, table[i].factor, &r) || r > INT64_MAX)
			return false;
		*out = (int64_t)r;
		return true;
	}
	return false;
}

static bool parse_FLAG(const char *s, struct parsed *out)
{
	static const struct {
		const char *word;
		int64_t value;
	} words[] = {
		{ "", 1 },	{ "1", 1 },	  { "on", 1 },	     { "yes", 1 }, { "true", 1 },
		{ "set", 1 },	{ "enabled", 1 }, { "0", 0 },	     { "off", 0 }, { "no", 0 },
		{ "false", 0 }, { "unset", 0 },	  { "disabled", 0 },
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcasecmp(s, words[i].word))
			continue;
		out->value = words[i].value;
		return true;
	}
	return false;
}

static bool parse_NUM(const char *s, struct parsed *out)
{
	const char *end;
	uint64_t v;

	if (!number(s, &v, &end) || *end || v > INT64_MAX)
		return false;
	out->value = (int64_t)v;
	return true;
}

static bool parse_SIZE(const char *s, struct parsed *out)
{
	static const struct suffix units[] = {
		{ "", 1 },	     { "k", 1ull << 10 }, { "m", 1ull << 20 },
		{ "g", 1ull << 30 }, { "t", 1ull << 40 },
	};

	return scaled(s, units, COUNT(units), &out->value);
}

/* A number without a unit is a rate in hertz (guide: chp-opt). */
static bool parse_TIME(const char *s, struct parsed *out)
{
	uint64_t v, unit;
	const char *end;

	if (!number(s, &v, &end) || !v)
		return false;
	if (text_time_unit(end, &unit))
		return !__builtin_mul_overflow(v, unit, &out->value);
	if ((*end && strcasecmp(end, "hz")) || v > 1000000000)
		return false;
	out->value = 1000000000 / (int64_t)v;
	return true;
}

const struct run_policy run_policies[RUN_NPOLICIES] = {
#define RUN_POLICY(id, name_, ...) { .name = name_, __VA_ARGS__ },
#include "consumer/policies.def"
};

static bool parse_POLICY(const char *s, struct parsed *out)
{
	for (size_t i = 0; i < RUN_NPOLICIES; i++) {
		if (strcmp(s, run_policies[i].name))
			continue;
		out->value = (int64_t)i;
		return true;
	}
	return false;
}

static bool parse_ATTR(const char *s, struct parsed *out)
{
	struct d_attr a;

	if (!d_attr_parse(s, &a))
		return false;
	out->value = a.name | a.data << 8 | a.class << 16;
	return true;
}

bool run_opts_amin(const struct run_opts *o, struct d_attr *out)
{
	int64_t v = o->value[RUN_OPT_amin];

	*out = (struct d_attr){ (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16) };
	return o->set[RUN_OPT_amin];
}

static bool parse_VERS(const char *s, struct parsed *out)
{
	uint32_t v, newest;

	if (!d_version_parse(s, &v) || !d_version_parse(D_VERSION, &newest) || v > newest)
		return false;
	out->value = v;
	return true;
}

static bool parse_STR(const char *s, struct parsed *out)
{
	out->text = s;
	return *s;
}

static bool one_of(const char *s, const char *const *names, size_t n, struct parsed *out)
{
	out->text = s;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(s, names[i]))
			return true;
	return false;
}

static bool parse_RESIZE(const char *s, struct parsed *out)
{
	static const char *const names[] = { "auto", "manual" };

	return one_of(s, names, COUNT(names), out);
}

static bool parse_EVAL(const char *s, struct parsed *out)
{
	static const char *const names[] = { "exec", "preinit", "postinit", "main" };

	return one_of(s, names, COUNT(names), out);
}

#define RUN_ANY 0, INT64_MAX
#define RUN_FROM(least) least, INT64_MAX
#define RUN_RANGE(least, most) least, most

static const struct {
	const char *name;
	parser *parse;
	int64_t value, least, most;
} options[RUN_NOPTS] = {
#define RUN_OPT(name, kind, value, range, help) { #name, parse_##kind, value, RUN_##range },
#include "consumer/options.def"
};

void run_opts_init(struct run_opts *o)
{
	memset(o, 0, sizeof(*o));
	for (size_t i = 0; i < COUNT(options); i++)
		o->value[i] = options[i].value;
}

static size_t option_find(const char *name)
{
	size_t i = 0;

	while (i < COUNT(options) && strcmp(options[i].name, name))
		i++;
	return i;
}

/* 0; -ENOENT: no such option; -EINVAL: bad value. */
static int opts_set(struct run_opts *o, struct arena *a, const char *name, const char *value)
{
	size_t i = option_find(name);
	struct parsed p = { 0 };

	if (i == COUNT(options))
		return -ENOENT;
	if (!options[i].parse(value ? value : "", &p) || p.value < options[i].least ||
	    p.value > options[i].most)
		return -EINVAL;
	o->value[i] = p.value;
	o->text[i] = p.text ? arena_strdup(a, p.text) : NULL;
	o->set[i] = true;
	return p.text && !o->text[i] ? -ENOMEM : 0;
}

/* The guide's words (chp-opt). */
static void refused(struct diag *d, struct loc at, const char *name, const char *why)
{
	size_t i = option_find(name);

	diag_error(d, at, D_PRAGMA_OPTSET, "failed to set option %s%s: %s", at.text ? "" : "-x ",
		   name, why);
	if (i == COUNT(options))
		return;
	if (options[i].most < INT64_MAX)
		diag_hint(d, "%s is %lld to %lld", name, (long long)options[i].least,
			  (long long)options[i].most);
	else if (options[i].least > 0)
		diag_hint(d, "%s is %lld or more", name, (long long)options[i].least);
}

bool run_option(struct run *r, const char *name, const char *value, struct loc at)
{
	int err = opts_set(&r->opts, r->arena, name, value);

	if (err)
		refused(r->diag, at, name,
			err == -ENOENT ? "Invalid option name" :
			err == -ENOMEM ? "no memory" :
					 "Invalid value for specified option");
	if (!err && !strcmp(name, "libdir")) { /* each adds a folder */
		const char **slot = ARENA_PUSH(r->arena, r->libdirs, r->nlibdirs, r->libdirs_cap);

		if (!slot)
			return false;
		*slot = r->opts.text[RUN_OPT_libdir];
	}
	if (!strcmp(name, "errtags"))
		r->diag->errtags = r->opts.value[RUN_OPT_errtags];
	return !err;
}

bool run_option_get(const struct run *r, const char *name, int64_t *value)
{
	size_t i = option_find(name);

	if (i == COUNT(options))
		return false;
	*value = r->opts.text[i] ? 1 : r->opts.value[i];
	return true;
}
