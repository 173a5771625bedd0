/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * provider/header.c: dtrace -h.
 * In:   checked provider declarations.
 * Out:  a header for C and C++ that needs no other.
 * Owns: nothing.
 *
 * Projects edit the header with sed, so its text is an interface. One project
 * turns lines that begin `#define X(` into lower case, so a macro's body stands
 * on the next line. Others rename prefixes in upper case, or replace the
 * literals `define _SDT_HAS_SEMAPHORES 1` (probes then have no semaphores) and
 * `if _DTRACE_VERSION` (the header is then conditional), or put const before
 * every `char *`, in the note's type strings too.
 */
#include "provider/inner.h"

#include <ctype.h>
#include <string.h>

struct gen {
	struct d *d;
	FILE *out;
	const char *identity;
	bool sys_sdt;
};

static void guard_name(FILE *out, const char *name)
{
	fputs("USDTKIT_", out);
	for (; *name; name++)
		fputc(isalnum((unsigned char)*name) ? toupper((unsigned char)*name) : '_', out);
}

static void guard(FILE *out, const char *directive, const char *file, const struct d_prog *prog)
{
	fprintf(out, "#%s ", directive);
	guard_name(out, file);
	for (size_t i = 0; i < prog->nproviders; i++)
		fprintf(out, "_%s", prog->providers[i].name);
	fputc('\n', out);
}

/* ---- The semaphores ---- */

/* Writes the text of USDT_SEM_DEF_ out, because a header with <sys/sdt.h> has no such macro. */
static void semaphore(struct gen *g, const char *name)
{
	fprintf(g->out,
		"__asm__(\"\\t.ifndef %s\\n\"\n"
		"\t\"\\t.pushsection .probes,\\\"awG\\\",%%progbits,usdtkit.semaphores.%s,comdat\\n\"\n"
		"\t\"\\t.balign 2\\n\\t.weak %s\\n\\t.hidden %s\\n\"\n"
		"\t\"\\t.type %s,%%object\\n\\t.size %s,2\\n\"\n"
		"\t\"%s:\\n\\t.zero 2\\n\\t.popsection\\n\\t.endif\\n\");\n"
		"extern __attribute__((visibility(\"hidden\"))) unsigned short %s;\n",
		name, g->identity, name, name, name, name, name, name);
}

static void semaphores(struct gen *g, const struct d_prog *prog)
{
	fputs("#ifdef __cplusplus\nextern \"C\" {\n#endif\n", g->out);
	for (size_t i = 0; i < prog->nproviders; i++)
		for (size_t k = 0; k < prog->providers[i].nprobes; k++)
			semaphore(g, gen_semaphore(d_arena(g->d), &prog->providers[i],
						   &prog->providers[i].probes[k]));
	fputs("#ifdef __cplusplus\n}\n#endif\n\n", g->out);
}

/* ---- The macros ---- */

enum flavour { WITH_SEMAPHORE, WITHOUT, NO_SITES };

static void params(FILE *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%sarg%zu", i ? ", " : "", i);
}

static void body(struct gen *g, const struct d_provider *prov, const struct d_probe_decl *p,
		 const char *sem, enum flavour flavour)
{
	if (flavour == NO_SITES) {
		fputs("\tdo { } while (0)", g->out);
		return;
	}
	if (g->sys_sdt) {
		fputs("\tDTRACE_PROBE", g->out);
		if (p->nargs)
			fprintf(g->out, "%zu", p->nargs);
		fprintf(g->out, "(%s, %s%s", prov->name, p->name, p->nargs ? ", " : "");
		params(g->out, p->nargs);
		fputs(")", g->out);
		return;
	}
	if (flavour == WITH_SEMAPHORE)
		fprintf(g->out, "\tUSDT_SEM_SITE_(\"%s\", \"%s\", %s, %zu, (", prov->name, p->name,
			sem, p->nargs);
	else
		fprintf(g->out, "\tUSDT_SITE_(\"%s\", \"%s\", %zu, (", prov->name, p->name,
			p->nargs);
	params(g->out, p->nargs);
	fputs("))", g->out);
}

static void macros_of(struct gen *g, const struct d_provider *prov, const struct d_probe_decl *p,
		      enum flavour flavour)
{
	const char *macro = gen_macro(g->d, prov, p), *sem = gen_semaphore(d_arena(g->d), prov, p);

	fprintf(g->out, "#define %s_ENABLED() \\\n", macro);
	if (flavour == WITH_SEMAPHORE)
		fprintf(g->out,
			"\t__builtin_expect(__atomic_load_n(&%s, __ATOMIC_RELAXED) != 0, 0)\n",
			sem);
	else /* without a semaphore the probe may be enabled: say yes */
		fprintf(g->out, "\t(%d)\n", flavour == WITHOUT);
	fprintf(g->out, "#define %s(", macro);
	params(g->out, p->nargs);
	fputs(") \\\n", g->out);
	body(g, prov, p, sem, flavour);
	fputs("\n", g->out);
}

static void macros(struct gen *g, const struct d_prog *prog, enum flavour flavour)
{
	for (size_t i = 0; i < prog->nproviders; i++)
		for (size_t k = 0; k < prog->providers[i].nprobes; k++)
			macros_of(g, &prog->providers[i], &prog->providers[i].probes[k], flavour);
}

/* ---- The types ---- */

static void bytes(FILE *out, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%u", i ? "," : "\\t.byte ", b[i]);
}

static void strings(struct gen *g, struct d_type **types, const char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(g->out, "\t\"\\t.asciz \\\"%s\\\"\\n\\t.asciz \\\"%s\\\"\\n\"\n",
			d_type_name(g->d, types[i]), names && names[i] ? names[i] : "");
}

/*
 * One asm a probe, all in one group. Each has a guard symbol, because link-time
 * optimisation may put the asm texts of several files into one.
 */
static bool types(struct gen *g, const struct d_provider *prov, const struct d_probe_decl *p)
{
	size_t len;
	const uint8_t *note = gen_note(g->d, prov, p, &len);

	if (!note)
		return false;
	fprintf(g->out,
		"__asm__(\"\\t.ifndef .Lusdtkit.%s.%s.%s\\n\\t.set .Lusdtkit.%s.%s.%s,1\\n\"\n"
		"\t\"\\t.pushsection .note.usdtkit.types,\\\"G\\\",%%note,usdtkit.types.%s,comdat\\n\"\n"
		"\t\"\\t.balign 4\\n\\t.4byte 992f-991f,994f-993f,1\\n\"\n"
		"\t\"991:\\t.asciz \\\"usdtkit\\\"\\n992:\\t.balign 4\\n993:\\n\"\n",
		g->identity, prov->name, p->name, g->identity, prov->name, p->name, g->identity);
	fputs("\t\"", g->out);
	bytes(g->out, note, 4 + GEN_NATTR + p->nxargs);
	fprintf(g->out, "\\n\\t.asciz \\\"%s\\\"\\n\\t.asciz \\\"%s\\\"\\n\"\n", prov->name,
		p->name);
	strings(g, p->args, p->arg_names, p->nargs);
	strings(g, p->xargs, p->xarg_names, p->nxargs);
	fputs("\t\"994:\\t.balign 4\\n\\t.popsection\\n\\t.endif\\n\");\n", g->out);
	return true;
}

static bool all_types(struct gen *g, const struct d_prog *prog)
{
	bool ok = true;

	fputs("#ifdef __clang__\n#pragma clang diagnostic push\n"
	      "#pragma clang diagnostic ignored \"-Woverlength-strings\"\n#endif\n",
	      g->out);
	for (size_t i = 0; i < prog->nproviders; i++)
		for (size_t k = 0; k < prog->providers[i].nprobes; k++)
			ok = ok && types(g, &prog->providers[i], &prog->providers[i].probes[k]);
	fputs("#ifdef __clang__\n#pragma clang diagnostic pop\n#endif\n\n", g->out);
	return ok;
}

/* ---- The whole ---- */

static void macros_needed(struct gen *g)
{
	if (g->sys_sdt) {
		fputs("#include <sys/sdt.h>\n\n", g->out);
		return;
	}
	for (const char *const *line = gen_sdt_lines; *line; line++)
		fputs(*line, g->out);
	fputs("\n", g->out);
}

bool gen_header(struct d *d, const struct d_prog *prog, const struct gen_header_options *opt,
		FILE *out, struct diag *diag)
{
	char identity[17];
	struct gen g = { .d = d, .out = out, .identity = identity, .sys_sdt = opt->sys_sdt };

	if (!gen_check(d, prog, diag))
		return false;
	if (!gen_identity(d, prog, identity))
		return false;
	fprintf(out, "/* Generated by dtrace -h from %s. Changes here are lost. */\n\n",
		opt->source);
	guard(out, "ifndef", opt->guard, prog);
	guard(out, "define", opt->guard, prog);
	fputs("\n#ifndef _DTRACE_VERSION\n"
	      "#if defined __linux__ && defined __ELF__ && defined __GNUC__ && \\\n"
	      "\t(defined __x86_64__ || defined __i386__ || defined __aarch64__)\n"
	      "#define _DTRACE_VERSION 1\n"
	      "#else\n#define _DTRACE_VERSION 0\n#endif\n#endif\n\n"
	      "#if _DTRACE_VERSION\n\n"
	      "#undef _SDT_HAS_SEMAPHORES\n#undef STAP_HAS_SEMAPHORES\n"
	      "#define _SDT_HAS_SEMAPHORES 1\n\n"
	      "#define STAP_HAS_SEMAPHORES 1 /* deprecated */\n\n",
	      out);
	macros_needed(&g);
	if (!all_types(&g, prog))
		return false;
	fputs("#ifdef _SDT_HAS_SEMAPHORES\n\n", out);
	semaphores(&g, prog);
	macros(&g, prog, WITH_SEMAPHORE);
	fputs("\n#else\n\n", out);
	macros(&g, prog, WITHOUT);
	fputs("\n#endif\n\n#else\n\n", out);
	macros(&g, prog, NO_SITES);
	fputs("\n#endif\n\n#endif\n", out);
	return !arena_failed(d_arena(d)) && !ferror(out);
}
