/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * provider/note.c: names and type notes of declared probes.
 * In:   checked declarations.
 * Out:  bytes and strings in d's arena.
 * Owns: nothing.
 */
#include "provider/inner.h"

#include "base/hash.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static uint8_t *put(uint8_t *to, const char *s)
{
	size_t n = strlen(s ? s : "") + 1;

	memcpy(to, s ? s : "", n);
	return to + n;
}

static size_t pairs_len(struct d *d, struct d_type **types, const char **names, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += strlen(d_type_name(d, types[i])) + 2 +
		       (names && names[i] ? strlen(names[i]) : 0);
	return len;
}

static uint8_t *put_pairs(uint8_t *to, struct d *d, struct d_type **types, const char **names,
			  size_t n)
{
	for (size_t i = 0; i < n; i++) {
		to = put(to, d_type_name(d, types[i]));
		to = put(to, names ? names[i] : NULL);
	}
	return to;
}

const uint8_t *gen_note(struct d *d, const struct d_provider *prov,
			const struct d_probe_decl *probe, size_t *len)
{
	size_t size = 4 + GEN_NATTR + probe->nxargs + strlen(prov->name) + 1 + strlen(probe->name) +
		      1 + pairs_len(d, probe->args, probe->arg_names, probe->nargs) +
		      pairs_len(d, probe->xargs, probe->xarg_names, probe->nxargs);
	uint8_t *note = arena_alloc(d_arena(d), size), *to = note;

	if (!note)
		return NULL;
	*to++ = 1;
	*to++ = (uint8_t)probe->nargs;
	*to++ = (uint8_t)probe->nxargs;
	*to++ = GEN_NATTR;
	for (size_t i = 0; i < COUNT(prov->attr); i++) {
		*to++ = prov->attr[i].name;
		*to++ = prov->attr[i].data;
		*to++ = prov->attr[i].class;
	}
	for (size_t i = 0; i < probe->nxargs; i++)
		*to++ = probe->xmap[i];
	to = put(to, prov->name);
	to = put(to, probe->name);
	to = put_pairs(to, d, probe->args, probe->arg_names, probe->nargs);
	put_pairs(to, d, probe->xargs, probe->xarg_names, probe->nxargs);
	*len = size;
	return note;
}

/* FNV-1a, 64 bits. The hash need only be the same for the same declarations on every machine. */
bool gen_identity(struct d *d, const struct d_prog *prog, char out[17])
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < prog->nproviders; i++)
		for (size_t k = 0; k < prog->providers[i].nprobes; k++) {
			size_t len;
			const uint8_t *note = gen_note(d, &prog->providers[i],
						       &prog->providers[i].probes[k], &len);

			if (!note)
				return false;
			for (size_t b = 0; b < len; b++)
				h = (h ^ note[b]) * UINT64_C(0x100000001b3);
		}
	snprintf(out, 17, "%016" PRIx64, h);
	return true;
}

const char *gen_semaphore(struct arena *a, const struct d_provider *prov,
			  const struct d_probe_decl *probe)
{
	return arena_printf(a, "%s_%s_semaphore", prov->name, probe->name);
}

/* The provider's name as declared, the probe's with _ for __, as SystemTap names macros. */
const char *gen_macro(struct d *d, const struct d_provider *prov, const struct d_probe_decl *probe)
{
	char *s = arena_printf(d_arena(d), "%s_%s", prov->name, probe->name), *to;
	size_t head = strlen(prov->name) + 1;

	if (!s)
		return NULL;
	to = s;
	for (const char *from = s; *from; from++) {
		if (from >= s + head && from[0] == '_' && from[1] == '_')
			from++;
		*to++ = *from == '-' ? '_' : (char)toupper((unsigned char)*from);
	}
	*to = '\0';
	return s;
}

/* Each probe has two macros, APP_HIT and APP_HIT_ENABLED. Reports names that two probes share. */
static bool own_macros(struct d *d, struct hash *macros, const struct d_provider *prov,
		       const struct d_probe_decl *p, struct diag *diag)
{
	const char *macro = gen_macro(d, prov, p);
	const char *both[] = { macro,
			       macro ? arena_printf(d_arena(d), "%s_ENABLED", macro) : NULL };

	for (size_t i = 0; i < COUNT(both); i++) {
		const struct d_probe_decl *other = both[i] ? hash_get_str(macros, both[i]) : NULL;

		if (other) {
			diag_error(diag, p->loc, D_PROV_PRDUP,
				   "probes %s and %s would have the same macro, %s", other->name,
				   p->name, both[i]);
			return false;
		}
		if (!both[i] || hash_set_str(macros, both[i], (void *)(uintptr_t)p)) {
			diag_error(diag, NOWHERE, NULL, "no memory");
			return false;
		}
	}
	return true;
}

static bool few_args(const struct d_probe_decl *p, struct diag *diag)
{
	if (p->nargs <= GEN_MAX_ARGS)
		return true;
	diag_error(diag, p->loc, D_PROV_PRARGLEN,
		   "probe %s has %zu arguments; at most %d can be passed", p->name, p->nargs,
		   GEN_MAX_ARGS);
	diag_hint(diag, "pass a pointer to a structure");
	return false;
}

bool gen_check(struct d *d, const struct d_prog *prog, struct diag *diag)
{
	struct hash *macros = hash_new();
	bool ok = macros;

	for (size_t i = 0; macros && i < prog->nproviders; i++)
		for (size_t k = 0; k < prog->providers[i].nprobes; k++) {
			const struct d_probe_decl *p = &prog->providers[i].probes[k];

			ok &= few_args(p, diag);
			ok &= own_macros(d, macros, &prog->providers[i], p, diag);
		}
	/* Builds test for -G with a script that has only clauses, so that is no error. */
	if (!prog->nproviders && !prog->nclauses) {
		diag_error(diag, NOWHERE, NULL, "no provider is declared");
		ok = false;
	}
	hash_free(macros, NULL);
	return ok;
}
