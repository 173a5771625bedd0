/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/usdt.h: statically defined probes, made and read at run time. For C
 * and C++. libusdt(3) is its manual.
 *
 * libusdt (-lusdt, pkg-config usdt) makes probes in a running program that
 * has no compiler at hand; it needs libc alone:
 *
 *	struct usdt_provider *app;
 *	struct usdt_point *start;
 *	usdt_provider_new("app", &app);
 *	usdt_provider_add(app, "request-start", "int id, const char *url", &start);
 *	usdt_provider_enable(app);
 *	usdt_fire(start, 7, "/index.html");	(dtrace -n 'app*:::request-start')
 *
 * libusdt-read (-lusdt-read, pkg-config usdt-read) finds the probes of ELF
 * files and processes: who they are, where they sit, where their arguments
 * are and of what type:
 *
 *	struct usdt_file *f;
 *	if (usdt_file_open("/usr/bin/python3", &f) == 0) {
 *		for (size_t i = 0; i < usdt_file_nprobes(f); i++)
 *			puts(usdt_probe_name(usdt_file_probe(f, i)));
 *		usdt_file_close(f);
 *	}
 *
 * Probes that are known when a program is compiled belong into it:
 * usdt/sdt.h, or a provider.d and dtrace -h.
 *
 * Errors: functions that return int give 0 or a negative errno; nothing is
 * printed. NULL is accepted where something is freed or closed.
 */
#ifndef USDT_USDT_H
#define USDT_USDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* This header's version: major * 10000 + minor * 100 + patch. A published interface stays as it is
 * until the major number changes. */
#define USDT_VERSION 100

#ifdef __cplusplus
extern "C" {
#endif

/* ==== libusdt: probes made at run time ====================================== */

struct usdt_provider; /* the probes of one provider; yours until usdt_provider_free */

/*
 * A probe that the program can fire. The provider owns it; its address stays
 * valid until the point is removed or the provider freed. semaphore: how many
 * consumers trace the probe; the kernel counts them. The other members are the
 * library's.
 */
struct usdt_point {
	uint16_t semaphore;
	uint16_t reserved;
	uint32_t site;
	uint64_t reserved2;
};

#define USDT_POINT_ARGS 12 /* at most */

/*
 * name: letters, digits and _, 53 characters at most; it may not begin or end
 * with a digit. Several providers may have one name. -EINVAL: the name breaks
 * these rules.
 */
int usdt_provider_new(const char *name, struct usdt_provider **provider);

/*
 * Adds a probe; tracers see it after usdt_provider_enable. name: as in D,
 * "request-start" (or request__start). "function:request-start" shows the probe
 * in that function; without one the function is called as the probe. prototype:
 * "int id, const char *url"; argument names may be left out; NULL: no
 * arguments. Types are C's integers, float, double, the types of <stdint.h>,
 * common ones of <sys/types.h>, enum x, pointers to anything, and D's string,
 * which is a char *. -EINVAL: not a name, a type of unknown size, or another
 * prototype than the probe of this name has in another function; -E2BIG: too
 * many arguments; -EEXIST: the provider has a probe of this function and name.
 * After an error *point is NULL and must not be fired.
 */
int usdt_provider_add(struct usdt_provider *provider, const char *name, const char *prototype,
		      struct usdt_point **point);

/*
 * Makes the probes visible that were added since the last call, all of them or
 * none. They appear as a shared library without a file, /memfd:usdt:NAME in
 * /proc/PID/maps, with a descriptor (close-on-exec) that some tracers need.
 */
int usdt_provider_enable(struct usdt_provider *provider);
/* Hides all probes. Points stay valid, and firing them does nothing; enable shows them again. */
int usdt_provider_disable(struct usdt_provider *provider);
/* Ends a point: no thread may use it any more. Other points are not disturbed, so tracers list the
 * removed probe as long as a probe remains that the same call of enable made visible. -ENOENT: not
 * a point of this provider. */
int usdt_provider_remove(struct usdt_provider *provider, struct usdt_point *point);
/* Frees the provider and its points: no thread may use them any more. */
void usdt_provider_free(struct usdt_provider *provider);

/* Does a consumer trace this probe? The test takes one load and one branch. */
static inline bool usdt_point_enabled(const struct usdt_point *point)
{
	return __builtin_expect(__atomic_load_n(&point->semaphore, __ATOMIC_RELAXED) != 0, 0);
}

/*
 * Fires the probe without testing whether a consumer traces it: the caller does
 * that. args: one word for each argument of the prototype, of which the low
 * bytes that the argument's type has count; pointers as (uintptr_t); see
 * usdt_float and usdt_double. Takes no lock; any thread and signal handler may
 * call it, also while the provider is enabled or disabled. These two are
 * functions so that foreign-function interfaces can call them too.
 */
void usdt_point_fire(const struct usdt_point *point, const uint64_t *args);
bool usdt_point_is_enabled(const struct usdt_point *point);

unsigned usdt_version(void); /* USDT_VERSION of the library in use */

/* A value as the word that usdt_point_fire takes. */
static inline uint64_t usdt_signed(int64_t v)
{
	uint64_t bits;

	__builtin_memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static inline uint64_t usdt_unsigned(uint64_t v)
{
	return v;
}

static inline uint64_t usdt_pointer(const volatile void *v)
{
	uintptr_t bits;

	__builtin_memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static inline uint64_t usdt_float(float v)
{
	uint32_t bits;

	__builtin_memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static inline uint64_t usdt_double(double v)
{
	uint64_t bits;

	__builtin_memcpy(&bits, &v, sizeof(bits));
	return bits;
}

/*
 * usdt_fire(point, arguments…): fires the probe if a consumer traces it. In C
 * the arguments are computed in that case only. Each argument must have the
 * type of the prototype: a float for a float, a double for a double; an int for
 * a double is not converted. C11, C++11.
 */
#ifndef __cplusplus
#define usdt_fire(...) \
	USDT_FIRE_N_(__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0)(__VA_ARGS__)
#define USDT_FIRE_N_(point, a, b, c, d, e, f, g, h, i, j, k, l, n, ...) USDT_FIRE_##n##_
#define USDT_FIRE_(point, ...)                                                             \
	do {                                                                               \
		const struct usdt_point *usdt_point_ = (point);                            \
		if (usdt_point_enabled(usdt_point_))                                       \
			usdt_point_fire(usdt_point_,                                       \
					(const uint64_t[USDT_POINT_ARGS]){ __VA_ARGS__ }); \
	} while (0)
/* An argument that is not floating point is cast, because a bit-field has no type that _Generic
 * could name and a function's address is no void *. The comma keeps -Wbad-function-cast quiet where
 * the argument is a call. A long double is an error: no pointer can be made of it. */
#define USDT_WORD_(x)                                         \
	_Generic((x), float                                   \
		 : usdt_float, double                         \
		 : usdt_double, long double                   \
		 : usdt_pointer, default                      \
		 : usdt_unsigned)(_Generic((x), float         \
					   : (x), double      \
					   : (x), long double \
					   : (x), default     \
					   : (uintptr_t)((void)0, (x))))
#define USDT_FIRE_0_(p) USDT_FIRE_(p, 0)
#define USDT_WORDS_1_(a) USDT_WORD_(a)
#define USDT_WORDS_2_(a, b) USDT_WORDS_1_(a), USDT_WORD_(b)
#define USDT_WORDS_3_(a, b, c) USDT_WORDS_2_(a, b), USDT_WORD_(c)
#define USDT_WORDS_4_(a, b, c, d) USDT_WORDS_3_(a, b, c), USDT_WORD_(d)
#define USDT_WORDS_5_(a, b, c, d, e) USDT_WORDS_4_(a, b, c, d), USDT_WORD_(e)
#define USDT_WORDS_6_(a, b, c, d, e, f) USDT_WORDS_5_(a, b, c, d, e), USDT_WORD_(f)
#define USDT_WORDS_7_(a, b, c, d, e, f, g) USDT_WORDS_6_(a, b, c, d, e, f), USDT_WORD_(g)
#define USDT_WORDS_8_(a, b, c, d, e, f, g, h) USDT_WORDS_7_(a, b, c, d, e, f, g), USDT_WORD_(h)
#define USDT_WORDS_9_(a, b, c, d, e, f, g, h, i) \
	USDT_WORDS_8_(a, b, c, d, e, f, g, h), USDT_WORD_(i)
#define USDT_WORDS_10_(a, b, c, d, e, f, g, h, i, j) \
	USDT_WORDS_9_(a, b, c, d, e, f, g, h, i), USDT_WORD_(j)
#define USDT_WORDS_11_(a, b, c, d, e, f, g, h, i, j, k) \
	USDT_WORDS_10_(a, b, c, d, e, f, g, h, i, j), USDT_WORD_(k)
#define USDT_WORDS_12_(a, b, c, d, e, f, g, h, i, j, k, l) \
	USDT_WORDS_11_(a, b, c, d, e, f, g, h, i, j, k), USDT_WORD_(l)
#define USDT_FIRE_1_(p, a) USDT_FIRE_(p, USDT_WORDS_1_(a))
#define USDT_FIRE_2_(p, a, b) USDT_FIRE_(p, USDT_WORDS_2_(a, b))
#define USDT_FIRE_3_(p, a, b, c) USDT_FIRE_(p, USDT_WORDS_3_(a, b, c))
#define USDT_FIRE_4_(p, a, b, c, d) USDT_FIRE_(p, USDT_WORDS_4_(a, b, c, d))
#define USDT_FIRE_5_(p, a, b, c, d, e) USDT_FIRE_(p, USDT_WORDS_5_(a, b, c, d, e))
#define USDT_FIRE_6_(p, a, b, c, d, e, f) USDT_FIRE_(p, USDT_WORDS_6_(a, b, c, d, e, f))
#define USDT_FIRE_7_(p, a, b, c, d, e, f, g) USDT_FIRE_(p, USDT_WORDS_7_(a, b, c, d, e, f, g))
#define USDT_FIRE_8_(p, a, b, c, d, e, f, g, h) USDT_FIRE_(p, USDT_WORDS_8_(a, b, c, d, e, f, g, h))
#define USDT_FIRE_9_(p, a, b, c, d, e, f, g, h, i) \
	USDT_FIRE_(p, USDT_WORDS_9_(a, b, c, d, e, f, g, h, i))
#define USDT_FIRE_10_(p, a, b, c, d, e, f, g, h, i, j) \
	USDT_FIRE_(p, USDT_WORDS_10_(a, b, c, d, e, f, g, h, i, j))
#define USDT_FIRE_11_(p, a, b, c, d, e, f, g, h, i, j, k) \
	USDT_FIRE_(p, USDT_WORDS_11_(a, b, c, d, e, f, g, h, i, j, k))
#define USDT_FIRE_12_(p, a, b, c, d, e, f, g, h, i, j, k, l) \
	USDT_FIRE_(p, USDT_WORDS_12_(a, b, c, d, e, f, g, h, i, j, k, l))
#else
}
#if __cplusplus >= 201103L

template <typename T> static inline uint64_t usdt_word_(T v)
{
	return static_cast<uint64_t>(v);
}

template <typename T> static inline uint64_t usdt_word_(T *v)
{
	return reinterpret_cast<uintptr_t>(v);
}

template <> inline uint64_t usdt_word_(decltype(nullptr))
{
	return 0;
}

template <> uint64_t usdt_word_(long double) = delete;

template <> inline uint64_t usdt_word_(float v)
{
	return usdt_float(v);
}

template <> inline uint64_t usdt_word_(double v)
{
	return usdt_double(v);
}

/* A function, so arguments are always computed; test usdt_point_enabled() where they take time. */
template <typename... T> static inline void usdt_fire(const usdt_point *point, T... args)
{
	if (usdt_point_enabled(point)) {
		static_assert(sizeof...(args) <= USDT_POINT_ARGS, "too many arguments");
		const uint64_t words[USDT_POINT_ARGS] = { usdt_word_(args)... };
		usdt_point_fire(point, words);
	}
}

#endif
extern "C" {
#endif

/* ==== libusdt-read: probes of files and processes ============================ */

/*
 * Ownership: an object from an _open function is yours until the matching
 * _close. All else (probes, sites, arguments, strings) is borrowed from that
 * object and ends with it.
 *
 * Files are untrusted: a note or an argument that makes no sense fails alone
 * (usdt_file_nbad, USDT_ARG_BAD) and the rest is still read.
 *
 * Units: offsets are bytes from the start of the file, addresses are those of
 * the ELF file (add the load bias of a mapping, usdt_file_bias), sizes are
 * bytes.
 *
 * Threads: an object is used by one thread at a time.
 */

struct usdt_file;   /* an ELF file and its probes */
struct usdt_probe;  /* provider:name in one file, with all its sites */
struct usdt_site;   /* one place in the code that fires a probe */
struct usdt_types;  /* a probe's arguments as provider.d declares them */
struct usdt_proc;   /* the files that a process has mapped */
struct usdt_object; /* one of these files */
struct usdt_system; /* the files with probes that any process has mapped */

/* ---- Files --------------------------------------------------------------- */

/*
 * Opens an executable or a shared library, stripped or not, of 32 or 64 bits
 * and either byte order. A relocatable object is accepted too; its sites have
 * no offset and no address yet. -ENOEXEC: not an ELF file, or a core; -EBADMSG:
 * an ELF file whose headers are damaged. A file without probes is no error.
 */
int usdt_file_open(const char *path, struct usdt_file **file);
/* fd stays yours; you may close it after the call. Its position is not used. name: for
 * usdt_file_name only, copied; may be NULL. */
int usdt_file_open_fd(int fd, const char *name, struct usdt_file **file);
void usdt_file_close(struct usdt_file *file);

const char *usdt_file_name(const struct usdt_file *file); /* as passed to open; "" if NULL was */
/* The bytes of the GNU build id; NULL and *len 0 if the file has none. */
const uint8_t *usdt_file_build_id(const struct usdt_file *file, size_t *len);
unsigned usdt_file_machine(const struct usdt_file *file); /* e_machine: EM_X86_64 is 62 */
unsigned usdt_file_bits(const struct usdt_file *file);	  /* 32 or 64 */
bool usdt_file_relocatable(const struct usdt_file *file); /* an object (.o), not linked yet */
/* Probe notes that were left out: malformed ones, or ones that point outside the file's code. */
size_t usdt_file_nbad(const struct usdt_file *file);
/* Why probes, or the functions that hold them, may be missing: "its section headers are damaged".
 * NULL: nothing is damaged, except the notes that usdt_file_nbad counts. */
const char *usdt_file_damage(const struct usdt_file *file);

/* Probes are in the order in which their first notes stand in the file. */
size_t usdt_file_nprobes(const struct usdt_file *file);
const struct usdt_probe *usdt_file_probe(const struct usdt_file *file, size_t i);

/*
 * The load bias of a mapping of this file: an ELF address plus the bias is an
 * address in the process. start, offset: the mapping's, as /proc/PID/maps gives
 * them. -ENOENT: no segment of the file is mapped so.
 */
int usdt_file_bias(const struct usdt_file *file, uint64_t start, uint64_t offset, uint64_t *bias);
/* Convert an ELF address to a file offset and back. -ENOENT: no program header covers it. */
int usdt_file_offset(const struct usdt_file *file, uint64_t address, uint64_t *offset);
int usdt_file_address(const struct usdt_file *file, uint64_t offset, uint64_t *address);

/* ---- Probes --------------------------------------------------------------- */

const char *usdt_probe_provider(const struct usdt_probe *probe);  /* "python", no pid */
const char *usdt_probe_name(const struct usdt_probe *probe);	  /* "function-entry" */
const char *usdt_probe_note_name(const struct usdt_probe *probe); /* "function__entry" */
size_t usdt_probe_nsites(const struct usdt_probe *probe);	  /* at least 1 */
const struct usdt_site *usdt_probe_site(const struct usdt_probe *probe, size_t i);
/*
 * The args[] of a D program: type and name of each argument as the probe's
 * provider declares them. Without a declaration the type is int32_t and the
 * like, by size and sign, and the name is "".
 */
size_t usdt_probe_nargs(const struct usdt_probe *probe);
const char *usdt_probe_arg_type(const struct usdt_probe *probe, size_t i);
const char *usdt_probe_arg_name(const struct usdt_probe *probe, size_t i);
/* The declaration itself, with argument mapping and stability (docs/type-note.md). NULL: the file
 * has no type note of this probe. */
const struct usdt_types *usdt_probe_types(const struct usdt_probe *probe);

/* ---- Sites ---------------------------------------------------------------- */

uint64_t usdt_site_offset(const struct usdt_site *site); /* where the uprobe goes */
uint64_t usdt_site_address(const struct usdt_site *site);
/* The 16-bit semaphore that counts the probe's consumers; both 0: the site has none. An address
 * without an offset: the file does not back the semaphore, so the kernel cannot count it. */
uint64_t usdt_site_semaphore_offset(const struct usdt_site *site);
uint64_t usdt_site_semaphore_address(const struct usdt_site *site);
/* The function that holds the site, from .symtab, else from the separate debug file (by build id
 * under /usr/lib/debug, or by .gnu_debuglink), else from .dynsym; "" if no table has it. The first
 * call for a file reads its symbols. */
const char *usdt_site_function(const struct usdt_site *site);
const char *usdt_site_args_text(const struct usdt_site *site); /* "-4@%edi 8@-8(%rbp)" */

/* ---- Arguments ------------------------------------------------------------ */

enum usdt_arg_kind {
	USDT_ARG_BAD,	/* not understood: `why` gives the reason */
	USDT_ARG_CONST, /* the value is disp */
	USDT_ARG_REG,	/* the value is in register base */
	USDT_ARG_MEM,	/* the value is in memory at base + index * scale + disp; the sum is
			 * cut to 32 bits if base (without a base, index) has 4 bytes */
	USDT_ARG_PAIR,	/* i386: the lower half is in register base, the upper in index */
};

/*
 * A register as the kernel saves it: the 64 bits at offset in pt_regs, shifted
 * right by shift; the low `width` bytes of the result are the register. In an
 * address the whole register counts: width 8, or 4 (zero-extended) in 32-bit
 * code.
 */
struct usdt_reg {
	int16_t offset; /* in struct pt_regs of the machine (x86-64's for i386 files too,
				 * as a 64-bit kernel runs them); -1: no register */
	uint8_t shift;	/* bits: 8 for %ah, else 0 */
	uint8_t width;	/* bytes: 1, 2, 4, 8 */
	bool is_signed; /* aarch64's sxtw index: sign-extend from width */
};

struct usdt_arg {
	enum usdt_arg_kind kind;
	uint8_t size; /* bytes of the value: 1, 2, 4, 8 (floats also 10, 12, 16): so many
				 * are read from memory, or count of a register or constant */
	bool is_signed;
	bool is_float;
	struct usdt_reg base;
	struct usdt_reg index;
	uint8_t scale;	  /* 1, 2, 4, 8 */
	bool is_address;  /* disp is an ELF address (of a symbol): add the load bias, which at
				 * the site is instruction pointer - usdt_site_address(). In
				 * `sym(%rip)` base is then no register */
	int64_t disp;	  /* a constant is extended from size by its sign already */
	const char *text; /* "8@-8(%rbp)", this argument alone */
	const char *why;  /* BAD: the reason, lower case, no full stop; else NULL */
};

size_t usdt_site_nargs(const struct usdt_site *site); /* in the note; up to USDT_MAX_ARGS */
const struct usdt_arg *usdt_site_arg(const struct usdt_site *site, size_t i);

#define USDT_MAX_ARGS 32 /* further ones are left out (sys/sdt.h makes at most 12) */

/* ---- Types, as provider.d declared them ------------------------------------ */

size_t usdt_types_nargs(const struct usdt_types *types); /* native: as the code passes */
const char *usdt_types_arg(const struct usdt_types *types, size_t i);	   /* "struct req *" */
const char *usdt_types_arg_name(const struct usdt_types *types, size_t i); /* "": unnamed */
/* The args[] of a D program: native arguments, mapped and translated by the declaration. */
size_t usdt_types_nxargs(const struct usdt_types *types);
const char *usdt_types_xarg(const struct usdt_types *types, size_t i);
const char *usdt_types_xarg_name(const struct usdt_types *types, size_t i);
size_t usdt_types_map(const struct usdt_types *types, size_t i); /* xarg i is native map(i) */
/* #pragma D attributes. which: 0 provider, 1 module, 2 function, 3 name, 4 args. what: 0 name
 * stability, 1 data stability, 2 dependency class. The value is an index of the guide's tables
 * (stability 0 Internal … 7 Standard; class 0 Unknown … 5 Common). */
unsigned usdt_types_attribute(const struct usdt_types *types, unsigned which, unsigned what);

/* ---- Processes -------------------------------------------------------------- */

/*
 * The files that process pid has mapped executable, each file once, in address
 * order. -ESRCH: no such process; -EACCES: the caller may not look at it.
 */
int usdt_proc_open(int pid, struct usdt_proc **proc);
void usdt_proc_close(struct usdt_proc *proc);
size_t usdt_proc_nobjects(const struct usdt_proc *proc);
const struct usdt_object *usdt_proc_object(const struct usdt_proc *proc, size_t i);

/* The path in the process, " (deleted)" included. It may not exist in your mount namespace. */
const char *usdt_object_path(const struct usdt_object *object);
/* Device and inode as /proc/PID/maps shows them. Overlay and btrfs file systems show one file as
 * several, so they do not identify a file across processes. */
uint64_t usdt_object_device(const struct usdt_object *object); /* major << 20 | minor */
uint64_t usdt_object_inode(const struct usdt_object *object);
/* The mapping of the first executable part: start, end and offset in the file. */
uint64_t usdt_object_start(const struct usdt_object *object);
uint64_t usdt_object_end(const struct usdt_object *object);
uint64_t usdt_object_offset(const struct usdt_object *object);
/* A descriptor of the very file that is mapped, deleted or in another mount namespace
 * included, read-only and close-on-exec, yours; else -errno. */
int usdt_object_open_fd(const struct usdt_object *object);
/* Opens that very file and reads its probes. */
int usdt_object_open(const struct usdt_object *object, struct usdt_file **file);

/* ---- The whole system ---------------------------------------------------------- */

/*
 * The files with probes that any process has mapped executable now, each file
 * once, and the processes that map it. Processes that the caller may not look
 * at are left out and counted: without privilege, those of other users.
 */
int usdt_system_open(struct usdt_system **system);
void usdt_system_close(struct usdt_system *system);
size_t usdt_system_nfiles(const struct usdt_system *system);
const struct usdt_file *usdt_system_file(const struct usdt_system *system, size_t i);
size_t usdt_system_npids(const struct usdt_system *system, size_t i); /* of file i */
int usdt_system_pid(const struct usdt_system *system, size_t i, size_t k);
size_t usdt_system_nhidden(const struct usdt_system *system); /* processes left out */
/* Damaged files in which no probe was found: their probes may be lost. */
size_t usdt_system_ndamaged(const struct usdt_system *system);

unsigned usdt_read_version(void); /* USDT_VERSION of the library in use */

#ifdef __cplusplus
}
#endif

#endif
