/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/syscall.c: every system call's entry and return (guide:
 * chp-syscall), for 64-bit programs (module vmlinux) and for 32-bit programs
 * (module ia32). syscall::open:entry matches both.
 * In:   the tables of numbers made from <asm/unistd_*.h> at build time, and
 *       newer.def for calls that those headers lack.
 * Out:  probes whose sites are the raw tracepoints sys_enter and sys_exit.
 * Owns: the folder of tracefs, until close.
 *
 * Names are Linux's. Types of arguments come from the descriptions in
 * tracefs. If tracefs cannot be read, they are int64_t.
 */
#include "arch/arch.h"
#include "consumer/providers/inner.h"
#include "kernel/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct row {
	uint16_t nr;
	const char *name;
};

#define SYSCALL(nr, name) { nr, #name },
static const struct row rows_64[] = {
#include "consumer/providers/syscalls_64.def"
};
static const struct row rows_32[] = {
#include "consumer/providers/syscalls_32.def"
};
/* Numbers above 423 are the same in both ABIs. */
static const struct row rows_new[] = {
#include "consumer/providers/newer.def"
};
#undef SYSCALL

enum { NARGS = ARCH_X86_CALL_REGS };

static const struct abi {
	const char *mod;
	const struct row *rows;
	size_t nrows;
	uint8_t size;	    /* of a register; 4: unsigned, for pointers */
	const int16_t *reg; /* of the arguments: offsets in struct pt_regs */
} abis[] = {
	{ "vmlinux", rows_64, COUNT(rows_64), 8, arch_x86_syscall },
	{ "ia32", rows_32, COUNT(rows_32), 4, arch_i386_syscall },
};

enum { ENTRY, RETURN, NWHERE };
static const char *const where[NWHERE] = { "entry", "return" };

struct own {
	struct prov_probe **probes;    /* by ordinal; made when they are matched */
	struct row *rows;	       /* of the headers and newer.def, by ABI and number */
	size_t first[COUNT(abis) + 1]; /* each ABI's first row */
	int events;		       /* tracefs; -1: not opened yet, -2: cannot be opened */
};

static size_t rows_add(struct row *out, const struct row *in, size_t n, int above)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++)
		if ((int)in[i].nr > above && in[i].nr < CC_SYSCALLS)
			out[done++] = in[i];
	return done;
}

static struct own *own_get(struct prov_env *env)
{
	struct own *own = env->priv[PROV_ROW_syscall];
	size_t n = 0;

	if (own)
		return own;
	own = arena_new_of(env->arena, struct own);
	if (!own)
		return NULL;
	own->events = -1;
	own->rows = arena_array(env->arena, struct row,
				COUNT(rows_64) + COUNT(rows_32) + 2 * COUNT(rows_new));
	if (!own->rows)
		return NULL;
	for (size_t abi = 0; abi < COUNT(abis); abi++) {
		own->first[abi] = n;
		n += rows_add(own->rows + n, abis[abi].rows, abis[abi].nrows, -1);
		n += rows_add(own->rows + n, rows_new, COUNT(rows_new), own->rows[n - 1].nr);
	}
	own->first[COUNT(abis)] = n;
	own->probes = arena_array(env->arena, struct prov_probe *, n * NWHERE);
	return own->probes ? env->priv[PROV_ROW_syscall] = own : NULL;
}

static void entry_args(struct prov_site *s, const struct abi *abi)
{
	for (int i = 0; i < NARGS; i++)
		s->args.arg[i] = (struct cc_arg){ .kind = CC_A_CTXPTR,
						  .size = abi->size,
						  .base = 0,
						  .index = -1,
						  .disp = abi->reg[i] };
}

static struct prov_probe *probe(struct prov_env *env, struct own *own, size_t ordinal)
{
	size_t row = ordinal / NWHERE, w = ordinal % NWHERE, abi = row >= own->first[1];
	struct prov_probe *p = own->probes[ordinal];
	struct prov_site *s;

	if (p)
		return p;
	p = prov_probe_new(env, &prov_syscall, "syscall", abis[abi].mod, own->rows[row].name,
			   where[w], 1);
	if (!p)
		return NULL;
	p->ordinal = (uint32_t)ordinal;
	s = &p->sites[0];
	s->ctx = CC_CTX_RAWTP;
	s->tracepoint = w == ENTRY ? "sys_enter" : "sys_exit";
	s->sys_abi = (int)abi;
	s->sys_nr = own->rows[row].nr;
	s->sys_return = w == RETURN;
	if (w == ENTRY)
		entry_args(s, &abis[abi]);
	else
		s->args.arg[0] = s->args.arg[1] = (struct cc_arg){
			.kind = CC_A_SYSRET, .size = 8, .base = -1, .index = -1, .disp = 8
		};
	return own->probes[ordinal] = p;
}

static bool wants(struct prov_env *env, const struct d_pdesc *pd)
{
	(void)env;
	return text_glob(pd->prov, "syscall") &&
	       (text_glob(pd->mod, abis[0].mod) || text_glob(pd->mod, abis[1].mod)) &&
	       (text_glob(pd->name, where[ENTRY]) || text_glob(pd->name, where[RETURN]));
}

static int match(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg)
{
	struct own *own = own_get(env);

	if (!own)
		return -ENOMEM;
	for (size_t abi = 0; abi < COUNT(abis); abi++) {
		if (!text_glob(pd->prov, "syscall") || !text_glob(pd->mod, abis[abi].mod))
			continue;
		for (size_t row = own->first[abi]; row < own->first[abi + 1]; row++) {
			if (!text_glob(pd->func, own->rows[row].name))
				continue;
			for (size_t w = 0; w < NWHERE; w++) {
				struct prov_probe *p;

				if (!text_glob(pd->name, where[w]))
					continue;
				p = probe(env, own, row * NWHERE + w);
				if (!p)
					return -ENOMEM;
				if (!found(arg, p))
					return 0;
			}
		}
	}
	return 0;
}

static size_t count(struct prov_env *env)
{
	struct own *own = own_get(env);

	return own ? own->first[COUNT(abis)] * NWHERE : 0;
}

/* ---- Types of arguments --------------------------------------------------------- */

/* "\tfield:const char * filename;\toffset:…" → its type and name; false: no argument's line. */
static bool field_parse(struct prov_env *env, char *line, const char **type, const char **name)
{
	char *s = strstr(line, "field:"), *end = s ? strchr(s, ';') : NULL, *at;

	if (!end)
		return false;
	*end = '\0';
	s += strlen("field:");
	at = strrchr(s, ' ');
	if (!at || !strncmp(at + 1, "common_", 7) || !strncmp(at + 1, "__syscall_nr", 12))
		return false;
	*at = '\0';
	*type = arena_strdup(env->arena, s);
	*name = arena_strdup(env->arena, at + 1);
	return *type && *name;
}

static void format_read(struct prov_env *env, struct prov_probe *p, int fd)
{
	FILE *f = fdopen(fd, "r");
	char *line = NULL;
	size_t cap = 0;

	while (f && p->nargs < NARGS && getline(&line, &cap, f) > 0)
		if (strncmp(line, "print fmt", 9) &&
		    field_parse(env, line, &p->arg_types[p->nargs], &p->arg_names[p->nargs]))
			p->nargs++;
	free(line);
	if (f)
		fclose(f);
	else
		close(fd);
}

/* The kernel gives a few calls another name than the one that programs use. */
static const char *event_name(const char *name)
{
	static const char *const differ[][2] = {
		{ "stat", "newstat" },	 { "fstat", "newfstat" },      { "lstat", "newlstat" },
		{ "uname", "newuname" }, { "sendfile", "sendfile64" }, { "umount2", "umount" },
	};

	for (size_t i = 0; i < COUNT(differ); i++)
		if (!strcmp(differ[i][0], name))
			return differ[i][1];
	return name;
}

static void return_types(struct prov_env *env, struct prov_probe *p)
{
	p->arg_types = arena_array(env->arena, const char *, 2);
	if (!p->arg_types)
		return;
	p->arg_types[0] = p->arg_types[1] = "long";
	p->nargs = 2;
}

static void types(struct prov_env *env, struct prov_probe *p)
{
	struct own *own = own_get(env);
	char path[128];
	int fd;

	if (!own || p->ordinal % NWHERE == RETURN) {
		return_types(env, p);
		return;
	}
	p->arg_types = arena_array(env->arena, const char *, NARGS);
	p->arg_names = arena_array(env->arena, const char *, NARGS);
	if (!p->arg_types || !p->arg_names)
		return;
	if (own->events == -1) {
		own->events = kern_events_open();
		own->events = own->events < 0 ? -2 : own->events;
	}
	snprintf(path, sizeof(path), "syscalls/sys_enter_%s/format",
		 p->sites[0].sys_abi ? p->func : event_name(p->func));
	fd = own->events < 0 ? -1 : openat(own->events, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		format_read(env, p, fd);
		return;
	}
	p->nargs = NARGS; /* no description: six arguments, whose NULL types mean int64_t */
}

static void close_all(struct prov_env *env)
{
	struct own *own = env->priv[PROV_ROW_syscall];

	if (own && own->events >= 0)
		close(own->events);
	env->priv[PROV_ROW_syscall] = NULL;
}

const struct prov prov_syscall = { .name = "syscall",
				   .attrs = prov_attrs_syscall,
				   .user_memory = true,
				   .enter = " => ",
				   .leave = " <= ",
				   .wants = wants,
				   .match = match,
				   .count = count,
				   .close = close_all,
				   .types = types };
