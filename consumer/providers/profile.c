/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/profile.c: profile-N fires on every CPU, tick-N on one
 * (guide: chp-profile).
 * In:   a description. It may name any rate or period; patterns and -l give
 *       only the usual probes below.
 * Out:  a probe with its period. arg0 is the program counter if the clock
 *       interrupted the kernel, arg1 if it interrupted user land.
 * Owns: the table of probes, until close.
 */
#include "consumer/providers/inner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const usual[] = {
	"profile-97",	"profile-199",	"profile-499", "profile-997", "profile-1999",
	"profile-4001", "profile-4999", "tick-1",      "tick-10",     "tick-100",
	"tick-500",	"tick-1000",	"tick-5000",   "tick-1sec",   "tick-10sec",
};

/* The least period of the kernel's software clock: it ticks no faster, whatever period is set. */
enum { LEAST_NS = 10000 };

static bool is_ours(const char *name, bool *one_cpu)
{
	*one_cpu = !strncmp(name, "tick-", 5);
	return *one_cpu || !strncmp(name, "profile-", 8);
}

/* "997", "10ms" → the period. Returns why the text is not a period, or NULL. */
static const char *period(const char *s, uint64_t *ns)
{
	static const char too_large[] = "the number is too large";
	size_t len = strspn(s, "0123456789");
	char digits[24] = "";
	uint64_t n, unit;

	if (!len)
		return "a rate or period is a number: profile-97, tick-10ms";
	if (len >= sizeof(digits))
		return too_large;
	memcpy(digits, s, len);
	if (!text_u64(digits, &n))
		return too_large;
	if (!n)
		return "a rate or period is 1 or more";
	if (!s[len] || !strcasecmp(s + len, "hz"))
		*ns = n > 1000000000 / LEAST_NS ? 0 : (1000000000 + n / 2) / n;
	else if (!text_time_unit(s + len, &unit))
		return "units are ns, us, ms, s, m, h, d and hz";
	else if (__builtin_mul_overflow(n, unit, ns) || *ns > INT64_MAX)
		return too_large;
	return *ns < LEAST_NS ? "this rate is too high: the kernel's clock ticks at most 100000 "
				"times a second, every 10us" :
				NULL;
}

/* "profile-997", "tick-10ms" → its period; false: not a probe of this provider. */
static bool parse(const char *name, uint64_t *ns, bool *one_cpu)
{
	return is_ours(name, one_cpu) && !period(strchr(name, '-') + 1, ns);
}

static struct prov_probe *probe(struct prov_env *env, const char *name, uint32_t ordinal)
{
	struct hash *all = env->priv[PROV_ROW_profile];
	struct prov_probe *p;
	struct prov_site *s;

	if (!all && !(all = env->priv[PROV_ROW_profile] = hash_new()))
		return NULL;
	p = hash_get_str(all, name);
	if (p)
		return p;
	name = arena_strdup(env->arena, name);
	p = name ? prov_probe_new(env, &prov_profile, "profile", "", "", name, 1) : NULL;
	if (!p || hash_set_str(all, name, p))
		return NULL;
	p->ordinal = ordinal;
	s = &p->sites[0];
	s->ctx = CC_CTX_PERF;
	parse(name, &s->period_ns, &s->one_cpu);
	s->args.arg[0] = (struct cc_arg){ .kind = CC_A_KPC, .size = 8, .base = -1, .index = -1 };
	s->args.arg[1] = (struct cc_arg){ .kind = CC_A_UPC, .size = 8, .base = -1, .index = -1 };
	return p;
}

static uint32_t usual_index(const char *name)
{
	for (uint32_t i = 0; i < COUNT(usual); i++)
		if (!strcmp(usual[i], name))
			return i;
	return PROV_DYNAMIC;
}

static bool glob(const struct d_pdesc *pd)
{
	return !*pd->name || text_is_glob(pd->name);
}

/* Claims wrong rates too, because why_none says what is wrong with them. */
static bool claims(const struct d_pdesc *pd)
{
	bool one;

	return !strcmp(pd->prov, "tick") ||
	       (!*pd->prov && !*pd->mod && !*pd->func && is_ours(pd->name, &one));
}

static bool wants(struct prov_env *env, const struct d_pdesc *pd)
{
	uint64_t ns;
	bool one;

	(void)env;
	return text_glob(pd->prov, "profile") && text_glob(pd->mod, "") &&
	       text_glob(pd->func, "") && (glob(pd) || parse(pd->name, &ns, &one));
}

static int match(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg)
{
	struct prov_probe *p;

	if (!wants(env, pd))
		return 0;
	if (!glob(pd)) {
		p = probe(env, pd->name, usual_index(pd->name));
		if (p)
			found(arg, p);
		return p ? 0 : -ENOMEM;
	}
	for (uint32_t i = 0; i < COUNT(usual); i++) {
		if (!text_glob(pd->name, usual[i]))
			continue;
		p = probe(env, usual[i], i);
		if (!p)
			return -ENOMEM;
		if (!found(arg, p))
			break;
	}
	return 0;
}

static size_t count(struct prov_env *env)
{
	(void)env;
	return COUNT(usual);
}

static const char *why_none(struct prov_env *env, const struct d_pdesc *pd)
{
	uint64_t ns;
	bool one;

	(void)env;
	if (!text_glob(pd->prov, "profile") || glob(pd) || !is_ours(pd->name, &one))
		return NULL;
	return period(strchr(pd->name, '-') + 1, &ns);
}

/* The i-th unit that may follow a number; NULL: past the last. */
static const char *suffix(size_t i)
{
	static const char *const rates[] = { "", "hz" };

	return i < COUNT(rates) ? rates[i] : text_time_unit_name(i - COUNT(rates));
}

/* -l shows ids of unusual rates too. A hash has no inverse, so each rate that a person may write is
 * tried. */
static int match_id(struct prov_env *env, uint32_t id, prov_found *found, void *arg)
{
	enum { MOST = 10000 };
	char what[64];

	for (unsigned n = 1; n <= MOST; n++)
		for (size_t i = 0; suffix(i / 2); i++) {
			snprintf(what, sizeof(what), "profile:::%s-%u%s",
				 i % 2 ? "tick" : "profile", n, suffix(i / 2));
			struct d_pdesc pd = { .prov = "profile", .mod = "", .func = "" };

			if (prov_id_of(PROV_ROW_profile, what) != id)
				continue;
			pd.name = pd.text = arena_strdup(env->arena,
							 what + sizeof("profile:::") - 1);
			return pd.name ? match(env, &pd, found, arg) : -ENOMEM;
		}
	return 0;
}

static void close_all(struct prov_env *env)
{
	hash_free(env->priv[PROV_ROW_profile], NULL);
	env->priv[PROV_ROW_profile] = NULL;
}

const struct prov prov_profile = { .name = "profile",
				   .attrs = prov_attrs_profile,
				   .wants = wants,
				   .claims = claims,
				   .match = match,
				   .count = count,
				   .match_id = match_id,
				   .close = close_all,
				   .why_none = why_none };
