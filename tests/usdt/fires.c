/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/usdt/fires.c: fires probes made at run time, with a breakpoint of our
 * own at each site. The handler reads each argument from registers and memory
 * as the note describes, and must find the passed value. Also built for aarch64
 * and run under qemu, so without cmocka.
 */
#include "usdt/usdt.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define MUST(what)                                                                \
	do {                                                                      \
		if (!(what)) {                                                    \
			printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
			exit(1);                                                  \
		}                                                                 \
	} while (0)

/* ---- The breakpoint ---------------------------------------------------------------- */

static struct {
	uintptr_t bias;
	const struct usdt_file *file;
	uint64_t value[USDT_MAX_ARGS];
	size_t n, hits;
	const char *name;
} seen;

#if defined __x86_64__
static const unsigned char breakpoint[] = { 0xcc };
enum { AHEAD = 1 }; /* bytes of the ip past the start of the breakpoint */

static uintptr_t *ip_of(ucontext_t *uc)
{
	return (uintptr_t *)&uc->uc_mcontext.gregs[REG_RIP];
}

static uint64_t reg_of(const ucontext_t *uc, int offset)
{
	static const int order[] = { REG_R15, REG_R14, REG_R13, REG_R12, REG_RBP,
				     REG_RBX, REG_R11, REG_R10, REG_R9,	 REG_R8,
				     REG_RAX, REG_RCX, REG_RDX, REG_RSI, REG_RDI };

	if (offset == 152)
		return (uint64_t)uc->uc_mcontext.gregs[REG_RSP];
	MUST(offset >= 0 && (size_t)offset / 8 < sizeof(order) / sizeof(*order));
	return (uint64_t)uc->uc_mcontext.gregs[order[offset / 8]];
}
#elif defined __aarch64__
static const unsigned char breakpoint[] = { 0x00, 0x00, 0x20, 0xd4 };
enum { AHEAD = 0 };

static uintptr_t *ip_of(ucontext_t *uc)
{
	return (uintptr_t *)&uc->uc_mcontext.pc;
}

static uint64_t reg_of(const ucontext_t *uc, int offset)
{
	MUST(offset >= 0 && offset <= 31 * 8);
	return offset == 31 * 8 ? uc->uc_mcontext.sp : uc->uc_mcontext.regs[offset / 8];
}
#endif

static uint64_t value_of(const ucontext_t *uc, const struct usdt_arg *a)
{
	uint64_t v = reg_of(uc, a->base.offset);
	unsigned unused = 64 - 8u * a->size;

	if (a->kind == USDT_ARG_MEM)
		v = *(const uint64_t *)(uintptr_t)(v + (uint64_t)a->disp);
	else
		MUST(a->kind == USDT_ARG_REG);
	v <<= unused;
	return a->is_signed ? (uint64_t)((int64_t)v >> unused) : v >> unused;
}

static void trapped(int sig, siginfo_t *info, void *ctx)
{
	uintptr_t *ip = ip_of(ctx), at = *ip - AHEAD - seen.bias;

	(void)sig;
	(void)info;
	seen.name = NULL;
	for (size_t i = 0; i < usdt_file_nprobes(seen.file); i++) {
		const struct usdt_probe *p = usdt_file_probe(seen.file, i);
		const struct usdt_site *s = usdt_probe_site(p, 0);

		if (usdt_site_address(s) != at)
			continue;
		seen.name = usdt_probe_name(p);
		seen.n = usdt_site_nargs(s);
		for (size_t k = 0; k < seen.n; k++)
			seen.value[k] = value_of(ctx, usdt_site_arg(s, k));
	}
	seen.hits++;
	*ip = *ip - AHEAD + sizeof(breakpoint);
}

/* Sets a breakpoint at every site of our only object; the usdt_file stays open. */
static struct usdt_file *arm(const char *path)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO, .sa_sigaction = trapped };
	const struct usdt_object *o = NULL;
	struct usdt_proc *proc;
	struct usdt_file *f;
	uint64_t start, size;
	uint64_t bias;

	MUST(!sigaction(SIGTRAP, &sa, NULL));
	MUST(!usdt_proc_open(getpid(), &proc));
	for (size_t i = 0; i < usdt_proc_nobjects(proc); i++)
		if (!strcmp(usdt_object_path(usdt_proc_object(proc, i)), path))
			o = usdt_proc_object(proc, i);
	MUST(o);
	MUST(!usdt_object_open(o, &f));
	MUST(!usdt_file_nbad(f));
	start = usdt_object_start(o);
	size = usdt_object_end(o) - start;
	MUST(!usdt_file_bias(f, start, usdt_object_offset(o), &bias));
	MUST(!mprotect((void *)(uintptr_t)start, size, PROT_READ | PROT_WRITE | PROT_EXEC));
	for (size_t i = 0; i < usdt_file_nprobes(f); i++) {
		const struct usdt_site *s = usdt_probe_site(usdt_file_probe(f, i), 0);
		unsigned char *site = (unsigned char *)(uintptr_t)(bias + usdt_site_address(s));

		memcpy(site, breakpoint, sizeof(breakpoint));
		__builtin___clear_cache((char *)site, (char *)site + sizeof(breakpoint));
	}
	MUST(!mprotect((void *)(uintptr_t)start, size, PROT_READ | PROT_EXEC));
	seen.bias = bias;
	seen.file = f;
	usdt_proc_close(proc);
	return f;
}

/* ---- What is passed ------------------------------------------------------------------- */

static struct usdt_provider *provider;

static struct usdt_point *add(const char *name, const char *prototype)
{
	struct usdt_point *p;
	int err = usdt_provider_add(provider, name, prototype, &p);

	if (err)
		printf("%s: %s\n", name, strerror(-err));
	MUST(!err && p);
	return p;
}

static void caught(const char *name, size_t n, const uint64_t *want)
{
	MUST(seen.name && !strcmp(seen.name, name));
	MUST(seen.n == n);
	for (size_t i = 0; i < n; i++)
		if (seen.value[i] != want[i]) {
			printf("%s: argument %zu is 0x%llx, not 0x%llx\n", name, i,
			       (unsigned long long)seen.value[i], (unsigned long long)want[i]);
			exit(1);
		}
}

/* usdt_fire fires only under a consumer: the semaphore stands for a consumer. */
#define FIRE(point, ...)                         \
	do {                                     \
		(point)->semaphore = 1;          \
		usdt_fire(point, ##__VA_ARGS__); \
		(point)->semaphore = 0;          \
	} while (0)

static void integers(void)
{
	struct usdt_point *low, *high, *none;
	struct usdt_file *f;
	const uint64_t want[] = {
		(uint64_t)-1,	  0xff,		(uint64_t)-2, 0xfffe, (uint64_t)-3,
		0xfffffffd,	  (uint64_t)-4, (uint64_t)-4, 1,      0x80,
		(uint64_t)-32768, 0xffff
	};
	const uint64_t wide[] = { (uint64_t)-9,	       0x90000000,   UINT64_MAX,
				  (uint64_t)INT64_MIN, (uint64_t)-1, (uint64_t)INT32_MIN };

	MUST(!usdt_provider_new("ints", &provider));
	low = add("low", "int8_t, uint8_t b, short, unsigned short, int, unsigned, long x, "
			 "unsigned long long y, _Bool, unsigned char, int16_t, uint16_t");
	high = add("high", "int64_t, uint32_t, uint64_t, long long, signed char, enum e");
	none = add("no-arguments", "void");
	MUST(!usdt_provider_enable(provider));
	f = arm("/memfd:usdt:ints (deleted)");
	FIRE(low, (int8_t)-1, (uint8_t)255, (short)-2, (unsigned short)0xfffe, -3, -3u, -4L, -4ULL,
	     (_Bool)1, (unsigned char)0x80, (int16_t)-32768, (uint16_t)-1);
	caught("low", 12, want);
	FIRE(high, -9, 0x90000000u, UINT64_MAX, INT64_MIN, (signed char)-1, INT32_MIN);
	caught("high", 6, wide);
	FIRE(none);
	caught("no-arguments", 0, NULL);
	MUST(seen.hits == 3);
	usdt_fire(low, 1); /* no consumer */
	MUST(seen.hits == 3);
	MUST(!usdt_point_enabled(low) && !usdt_point_is_enabled(low));
	usdt_point_fire(low, want);
	caught("low", 12, want);
	usdt_provider_free(provider);
	usdt_file_close(f);
}

struct opaque;

static void floats_and_pointers(void)
{
	struct usdt_point *p;
	struct usdt_file *f;
	const char *s = "text", buf[16] = "";
	double third = 1.0 / 3;
	uint64_t want[12], bits = 0;

	MUST(!usdt_provider_new("reals", &provider));
	p = add("main:mixed",
		"float f, double d, const char *s, char buf[16], string t, "
		"struct opaque *o, void **v, double, float, double, float g, char *last");
	MUST(!usdt_provider_enable(provider));
	f = arm("/memfd:usdt:reals (deleted)");
	seen.hits = 0;
	FIRE(p, 2.5f, third, s, buf, s, (struct opaque *)&f, (void **)&s, -0.0, -1.5f, 1e300, 0.1f,
	     NULL);
	memcpy(&bits, &third, 8);
	want[0] = 0x40200000;
	want[1] = bits;
	want[2] = want[4] = (uintptr_t)s;
	want[3] = (uintptr_t)buf;
	want[5] = (uintptr_t)&f;
	want[6] = (uintptr_t)&s;
	want[7] = UINT64_C(1) << 63;
	want[8] = 0xbfc00000;
	want[9] = UINT64_C(0x7e37e43c8800759c);
	want[10] = 0x3dcccccd;
	want[11] = 0;
	caught("mixed", 12, want);
	MUST(seen.hits == 1);
	MUST(!strcmp(usdt_site_function(usdt_probe_site(usdt_file_probe(f, 0), 0)), "main"));
	MUST(usdt_site_arg(usdt_probe_site(usdt_file_probe(f, 0), 0), 1)->is_float);
	MUST(!usdt_site_arg(usdt_probe_site(usdt_file_probe(f, 0), 0), 2)->is_float);
	usdt_provider_free(provider);
	usdt_file_close(f);
}

/* Arguments whose types _Generic cannot list: bit-fields, enums, functions. */
static void odd_types(void)
{
	enum { BELOW = -3, ABOVE = 7 };
	struct {
		unsigned u : 3;
		int s : 5;
		unsigned long long wide : 40;
		bool b : 1;
	} bits = { 5, -3, 0xffeeddccbbULL, true };
	const uint64_t want[] = { 5, (uint64_t)-3,	   0xffeeddccbbULL, 1, (uint64_t)-3,
				  7, (uintptr_t)odd_types, (uint64_t)-9,    0, 97 };
	volatile const int v = -9;
	struct usdt_point *p;
	struct usdt_file *f;

	MUST(!usdt_provider_new("odd", &provider));
	p = add("p", "unsigned, int, uint64_t, bool, enum e, enum e, void *, int, string, int");
	MUST(!usdt_provider_enable(provider));
	f = arm("/memfd:usdt:odd (deleted)");
	seen.hits = 0;
	FIRE(p, bits.u, bits.s, bits.wide, bits.b, BELOW, ABOVE, odd_types, v, NULL, 'a');
	caught("p", 10, want);
	MUST(seen.hits == 1);
	usdt_provider_free(provider);
	usdt_file_close(f);
}

/* The stubs of a disabled provider still run, so that a thread on its way there is safe. */
static void hidden_and_shown(void)
{
	const uint64_t want[] = { 7 };
	struct usdt_point *p;
	struct usdt_file *f;

	MUST(!usdt_provider_new("again", &provider));
	p = add("p", "int");
	seen.hits = 0;
	usdt_point_fire(p, want);
	MUST(!usdt_provider_enable(provider));
	f = arm("/memfd:usdt:again (deleted)");
	usdt_point_fire(p, want);
	MUST(seen.hits == 1);
	MUST(!usdt_provider_disable(provider));
	usdt_point_fire(p, want);
	usdt_fire(p, 7);
	MUST(seen.hits == 1);
	usdt_file_close(f);
	MUST(!usdt_provider_enable(provider));
	f = arm("/memfd:usdt:again (deleted)");
	usdt_point_fire(p, want);
	MUST(seen.hits == 2);
	caught("p", 1, want);
	usdt_file_close(f);
	usdt_provider_free(provider);
}

int main(void)
{
	integers();
	floats_and_pointers();
	odd_types();
	hidden_and_shown();
	puts("4 passed, 0 failed, 0 skipped");
	return 0;
}
