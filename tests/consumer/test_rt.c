/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/consumer/test_rt.c: calls each routine of the library in the kernel, with arguments that
 * the verifier cannot know, at several string sizes.
 */
#include "tests/consumer/bpfrig.h"

#include <link.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

/* The arguments and the result of a call, in CC_MAP_ZERO. */
struct call {
	int64_t arg[5], result;
	uint64_t runs;
};

static struct rig rig;
static uint32_t strsize, room;
static char *slot;
static struct call *call;

/* Offsets of the strings in the slot. */
#define A 0
#define B room
#define C (2 * room)
#define REC (3 * room)

static void setup(uint32_t size)
{
	strsize = size;
	room = RT_STR_ROOM(size);
	rig_init(&rig, size, 4 * room + 8192 + RT_SLOT_PAD);
	rig_direct(&rig, CC_MAP_ZERO, "call", 4096);
	rig_direct(&rig, CC_MAP_SCRATCH, "slot", rig.cc.slot_size);
	rig_direct(&rig, CC_MAP_CPUS, "cpus", 2 * sizeof(struct rt_cpu));
	rig_direct(&rig, CC_MAP_GLOBALS, "globals", 16 + 2 * ((size + 7) & ~7u));
	slot = rig.mem[CC_MAP_SCRATCH];
	call = rig.mem[CC_MAP_ZERO];
	memset(slot, 0xa5, rig.cc.slot_size);
}

static void teardown(void)
{
	rig_fini(&rig);
}

/* Offset of the firing in CC_MAP_ZERO, behind struct call. */
enum { FIRE = 256 };

static void parameter(struct cc_func *f, char kind, int i)
{
	switch (kind) {
	case 'c': cc_mov(f, R1 + i, R_CTX); break;
	case 'f': cc_map_value(f, R1 + i, CC_MAP_ZERO, FIRE); break;
	case 's': cc_map_value(f, R1 + i, CC_MAP_SCRATCH, 0); break;
	default: cc_load(f, BPF_DW, R1 + i, R_PTR, i * 8);
	}
}

static struct cc_func *caller(const char *name, const char *params)
{
	struct cc_func *f = cc_func_new(rig.cc.arena, name);

	cc_mov(f, R_CTX, R1);
	cc_map_value(f, R_PTR, CC_MAP_ZERO, 0);
	for (int i = 0; params[i]; i++)
		parameter(f, params[i], i);
	cc_routine(f, name);
	cc_store(f, BPF_DW, R_PTR, offsetof(struct call, result), R0);
	cc_imm(f, R1, 1);
	cc_atomic_add(f, R_PTR, offsetof(struct call, runs), R1);
	cc_imm(f, R0, 0);
	cc_exit(f);
	return f;
}

static const char *params_of(const char *name)
{
	const struct ebpf_func *f = ebpf_routine(name);

	assert_non_null(f);
	return f->params;
}

static int load(const char *name, enum cc_ctx ctx)
{
	int fd = rig_load(&rig, caller(name, params_of(name)), ctx);

	assert_true(fd >= 0);
	return fd;
}

/* Calls a routine; a to d are its parameters that are numbers. */
static int64_t rt(const char *name, int64_t a, int64_t b, int64_t c, int64_t d)
{
	int64_t args[] = { a, b, c, d };
	uint64_t none[1] = { 0 };
	const char *params = params_of(name);
	int fd = load(name, CC_CTX_TEST), i = 0;

	for (int p = 0; params[p]; p++)
		if (params[p] != 's')
			call->arg[p] = args[i++];
	call->result = -999;
	rig_run(fd, none, 1);
	close(fd);
	return call->result;
}

/* Checks the form of a string: length, bytes, NUL, zeros up to a multiple of 8. */
static void check(uint32_t off, const char *bytes, size_t len)
{
	const struct rt_str *s = (const void *)(slot + off);

	assert_int_equal(s->len, len);
	assert_memory_equal(s->s, bytes, len);
	for (size_t i = len; i < ((len + 8) & ~7ul); i++)
		assert_int_equal(s->s[i], 0);
}

static void put(uint32_t off, const char *bytes, size_t len)
{
	struct rt_str *s = (void *)(slot + off);

	memset(s, 0xa5, room);
	s->len = len;
	memcpy(s->s, bytes, len);
	memset(s->s + len, 0, ((len + 8) & ~7ul) - len);
}

static const uint32_t sizes[] = { 8, 13, 64, 256, 4096, 16384 };

static bool sleeps(const char *name)
{
	return strstr(name, "_sleep") || !strcmp(name, "rt_user_piece") || !strcmp(name, "rt_arg");
}

static bool is_program(const char *name)
{
	return !strncmp(name, "rt_prog_", 8);
}

static void every_routine_loads_at_every_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		setup(sizes[i]);
		for (size_t r = 0; r < ebpf_nlibrary; r++)
			for (int ctx = 0; ctx < CC_NCTX; ctx++) {
				int fd;

				if (ebpf_library[r].is_static || is_program(ebpf_library[r].name) ||
				    (ctx != CC_CTX_UPROBE && sleeps(ebpf_library[r].name)))
					continue;
				fd = rig_load(&rig,
					      caller(ebpf_library[r].name, ebpf_library[r].params),
					      (enum cc_ctx)ctx);
				assert_true(fd >= 0);
				close(fd);
			}
		teardown();
	}
}

static void fill(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + i * 7 % 26);
	text[n] = '\0';
}

static void strings_keep_their_shape(void **state)
{
	static char text[40000], joined[80000];

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		uint32_t max = sizes[i] - 1;
		const uint32_t lens[] = { 0,   1,   7,	 8,	  9,   63,	64,	65,
					  255, 256, 257, max - 1, max, max + 1, max + 9 };

		setup(sizes[i]);
		for (size_t l = 0; l < COUNT(lens); l++) {
			uint32_t n = lens[l] < max ? lens[l] : max, half = n / 2;

			fill(text, lens[l]);
			memset(slot, 0xa5, room);
			assert_int_equal(rt("rt_copyinstr", A, (intptr_t)text, INT64_MAX, 0), n);
			check(A, text, n);
			assert_int_equal(rt("rt_copyinstr", C, (intptr_t)text, half, 0), half);
			check(C, text, half);
			assert_int_equal(rt("rt_strcpy", B, A, 0, 0), n);
			check(B, text, n);
			assert_int_equal(rt("rt_kstr", C, (intptr_t)0, 9, 0), RT_EFAULT);
			check(C, "", 0);
			assert_int_equal(rt("rt_strjoin", C, A, B, 0), 2 * n < max ? 2 * n : max);
			memcpy(joined, text, n);
			memcpy(joined + n, text, n);
			check(C, joined, 2 * n < max ? 2 * n : max);
			assert_int_equal(rt("rt_gstr_store", A, 16, 0, 0), n);
			assert_int_equal(rt("rt_gstr_load", C, 16, 0, 0), n);
			check(C, text, n);
		}
		teardown();
	}
}

static int sign(int64_t v)
{
	return v < 0 ? -1 : v > 0;
}

static void strings_compare_as_bytes(void **state)
{
	static const char *const list[] = { "",
					    "a",
					    "ab",
					    "abc",
					    "abcdefgh",
					    "abcdefg",
					    "abcdefghi",
					    "b",
					    "abcdefgh\x80",
					    "abcdefghijklmnop",
					    "abcdefghijklmnoq",
					    "\xff",
					    "\x7f" };

	(void)state;
	setup(24);
	for (size_t i = 0; i < COUNT(list); i++)
		for (size_t j = 0; j < COUNT(list); j++) {
			put(A, list[i], strlen(list[i]));
			put(B, list[j], strlen(list[j]));
			assert_int_equal(sign(rt("rt_strcmp", A, B, 0, 0)),
					 sign(strcmp(list[i], list[j])));
		}
	teardown();
}

static void substr_takes_what_the_original_takes(void **state)
{
	static const struct {
		int64_t pos, len;
		const char *want;
	} cases[] = {
		{ 0, INT64_MAX, "hello world" },
		{ 6, INT64_MAX, "world" },
		{ 11, INT64_MAX, "" },
		{ 12, 1, "" },
		{ 2, 3, "llo" },
		{ 6, 100, "world" },
		{ 0, 0, "" },
		{ -5, INT64_MAX, "world" },
		{ -5, 2, "wo" },
		{ -20, INT64_MAX, "hello world" },
		{ -13, 4, "he" },
		{ -13, 2, "" },
		{ 0, -6, "hello" },
		{ 3, -20, "" },
		{ INT64_MIN, 100, "" },
		{ INT64_MAX, INT64_MAX, "" },
		{ -5, -1, "worl" },
	};

	(void)state;
	setup(64);
	put(A, "hello world", 11);
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = strlen(cases[i].want);

		assert_int_equal(rt("rt_substr", B, A, cases[i].pos, cases[i].len), n);
		check(B, cases[i].want, n);
	}
	teardown();
}

static void bytes_are_copied_at_any_length_and_no_further(void **state)
{
	static const size_t lens[] = { 0, 1, 7, 8, 64, 65, 255, 256, 257, 512, 1000, 4096 };
	static char text[20000];
	int64_t far;

	(void)state;
	setup(64);
	fill(text, sizeof(text) - 1); /* also makes every page present */
	for (size_t i = 0; i < COUNT(lens); i++) {
		memset(slot + REC, 0xa5, 5000);
		assert_int_equal(rt("rt_copyin", REC, (intptr_t)text, (int64_t)lens[i], 0), 0);
		assert_memory_equal(slot + REC, text, lens[i]);
		assert_int_equal((unsigned char)slot[REC + lens[i]], 0xa5);
		if (lens[i] > 2000)
			continue;
		memset(slot + REC + 4000, 0xa5, 2000);
		assert_int_equal(rt("rt_copy", REC + 4000, REC, (int64_t)lens[i], 0), 0);
		assert_memory_equal(slot + REC + 4000, text, lens[i]);
		assert_int_equal((unsigned char)slot[REC + 4000 + lens[i]], 0xa5);
	}
	assert_int_equal(rt("rt_copyin", REC, 16, 8, 0), RT_EFAULT);
	assert_int_equal(rt("rt_kread", REC, 16, 8, 0), RT_EFAULT);
	assert_int_equal(rt("rt_copyin", rig.cc.slot_size, (intptr_t)text, 8, 0), RT_EROOM);
	far = rig.cc.slot_size + 1;
	assert_int_equal(rt("rt_copyin", 0, (intptr_t)text, far, 0), RT_EROOM);
	teardown();
}

static void records_and_keys_take_strings(void **state)
{
	struct rt_var *var;
	char zeros[64] = { 0 };

	(void)state;
	setup(256);
	put(A, "hello, world", 12);
	memset(slot + REC, 0xa5, 1024);
	assert_int_equal(rt("rt_rec_str", REC, 24, A, 40), 56);
	var = (void *)(slot + REC + 24);
	assert_int_equal(var->off, 40);
	assert_int_equal(var->len, 12);
	assert_memory_equal(slot + REC + 40, "hello, world\0\0\0\0", 16);
	assert_int_equal((unsigned char)slot[REC + 56], 0xa5);
	assert_int_equal(rt("rt_rec_bytes", REC, (int64_t)56 << 32 | 32, A + 8, 5), 64);
	var = (void *)(slot + REC + 32);
	assert_int_equal(var->off, 56);
	assert_int_equal(var->len, 5);
	assert_memory_equal(slot + REC + 56, "hello\0\0\0", 8);
	assert_int_equal(rt("rt_key_str", REC + 104, A, 0, 0), REC + 120);
	assert_memory_equal(slot + REC + 104, "hello, world\0\0\0\0", 16);
	assert_int_equal(rt("rt_key_fill", REC + 96, 24, 0, 0), 32);
	assert_memory_equal(slot + REC + 120, zeros, 8);
	assert_int_equal((unsigned char)slot[REC + 128], 0xa5);
	assert_int_equal(rt("rt_key_fill", REC, 8, 0, 0), 16);
	assert_int_equal(rt("rt_key_fill", REC, 16, 0, 0), 16);
	assert_int_equal(rt("rt_key_fill", REC, 64, 0, 0), 64);
	assert_int_equal(rt("rt_key_fill", REC, 72, 0, 0), 128);
	assert_int_equal(rt("rt_key_fill", REC, 4096, 0, 0), 4096);
	assert_int_equal(rt("rt_key_fill", REC, 2056, 0, 0), 4096);
	assert_int_equal(rt("rt_key_fill", REC, 4104, 0, 0), RT_EROOM);
	teardown();
}

static void buckets(void **state)
{
	(void)state;
	setup(64);
	assert_int_equal(rt("rt_quantize_bucket", 0, 0, 0, 0), 63);
	for (int k = 0; k < 63; k++) {
		int64_t v = (int64_t)1 << k;

		assert_int_equal(rt("rt_quantize_bucket", v, 0, 0, 0), 64 + k);
		assert_int_equal(rt("rt_quantize_bucket", v + (v - 1), 0, 0, 0), 64 + k);
		assert_int_equal(rt("rt_quantize_bucket", -v, 0, 0, 0), 62 - k);
		assert_int_equal(rt("rt_quantize_bucket", -(v + (v - 1)), 0, 0, 0), 62 - k);
	}
	assert_int_equal(rt("rt_quantize_bucket", INT64_MIN, 0, 0, 0), 0);
	assert_int_equal(rt("rt_lquantize_bucket", -1, 0, 100, 10), 0);
	assert_int_equal(rt("rt_lquantize_bucket", 0, 0, 100, 10), 1);
	assert_int_equal(rt("rt_lquantize_bucket", 99, 0, 100, 10), 10);
	assert_int_equal(rt("rt_lquantize_bucket", 100, 0, 100, 10), 11);
	assert_int_equal(rt("rt_lquantize_bucket", INT64_MAX, -5, 5, 1), 11);
	assert_int_equal(rt("rt_lquantize_bucket", INT64_MIN, -5, 5, 1), 0);
	assert_int_equal(rt("rt_lquantize_bucket", -5, -5, 5, 1), 1);
	teardown();
}

static void slots_are_claimed_once_until_none_is_left(void **state)
{
	struct rt_cpu *cpus;
	uint64_t seen = 0;

	(void)state;
	setup(64);
	cpus = rig.mem[CC_MAP_CPUS];
	for (int i = 0; i < RT_SLOTS; i++) {
		int64_t n = rt("rt_scratch_claim", 1, 0, 0, 0);

		assert_in_range(n, 0, 63);
		assert_false(seen >> n & 1);
		seen |= 1ull << n;
	}
	assert_int_equal(rt("rt_scratch_claim", 1, 0, 0, 0), -1);
	assert_int_equal(cpus[0].scratch, 0);
	cpus[1].scratch &= ~(1ull << 37);
	assert_int_equal(rt("rt_scratch_claim", 1, 0, 0, 0), 37);
	teardown();
}

/* ---- Absent pages: a sleepable program on a uprobe of ours --------------------------------- */

__attribute__((noinline, used)) void probed(void);
void probed(void)
{
	__asm__ volatile("nop; nop; nop" ::: "memory");
}

static int own_offset(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t at = (uintptr_t)probed - info->dlpi_addr;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && at >= p->p_vaddr && at < p->p_vaddr + p->p_memsz) {
			*(uint64_t *)arg = at - p->p_vaddr + p->p_offset;
			return 1;
		}
	}
	return 0;
}

static int attach(int prog)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
	int fd;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &attr.type), 1);
	fclose(f);
	attr.config1 = (uintptr_t) "/proc/self/exe";
	dl_iterate_phdr(own_offset, &attr.config2);
	fd = (int)syscall(SYS_perf_event_open, &attr, getpid(), -1, -1, PERF_FLAG_FD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog), 0);
	assert_int_equal(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0), 0);
	return fd;
}

static int64_t hit(const char *name, int64_t a, int64_t b, int64_t c)
{
	int prog = load(name, CC_CTX_UPROBE), link = attach(prog);
	int64_t result;

	memcpy(call->arg, (int64_t[]){ 0, a, b, c }, 32);
	call->runs = 0;
	probed();
	assert_int_equal(call->runs, 1);
	result = call->result;
	close(link);
	close(prog);
	return result;
}

static void absent_pages_are_read_by_sleepable_programs(void **state)
{
	static char text[12001];
	int fd = memfd_create("pages", MFD_CLOEXEC);
	char *p;

	(void)state;
	setup(8192);
	fill(text, 12000);
	assert_int_equal(pwrite(fd, text, 12001, 0), 12001);
	for (size_t at = 0; at < 12001; at += 997) {
		size_t n = 12000 - at < 8191 ? 12000 - at : 8191;

		p = mmap(NULL, 16384, PROT_READ, MAP_SHARED, fd, 0);
		assert_int_equal(hit("rt_copyinstr_sleep", A, (intptr_t)(p + at), INT64_MAX), n);
		check(A, text + at, n);
		munmap(p, 16384);
		p = mmap(NULL, 16384, PROT_READ, MAP_SHARED, fd, 0);
		assert_int_equal(hit("rt_copyinstr_sleep", A, (intptr_t)(p + at), 7),
				 n < 7 ? n : 7);
		check(A, text + at, n < 7 ? n : 7);
		munmap(p, 16384);
		p = mmap(NULL, 16384, PROT_READ, MAP_SHARED, fd, 0);
		n = n < 3000 ? n : 3000;
		assert_int_equal(hit("rt_copyin_sleep", A, (intptr_t)(p + at), (int64_t)n), 0);
		assert_memory_equal(slot, text + at, n);
		munmap(p, 16384);
	}
	/* Where faults are not allowed the routine fails, and does not give length 0. */
	p = mmap(NULL, 16384, PROT_READ, MAP_SHARED, fd, 0);
	assert_int_equal(hit("rt_copyinstr", A, (intptr_t)p, INT64_MAX), RT_EFAULT);
	/* A string that runs into an unmapped page is a fault, but not a string that ends before. */
	munmap(p + 8192, 8192);
	assert_int_equal(hit("rt_copyinstr_sleep", A, (intptr_t)(p + 8000), INT64_MAX), RT_EFAULT);
	assert_int_equal(hit("rt_copyinstr_sleep", A, (intptr_t)(p + 8000), 192), 192);
	assert_int_equal(hit("rt_copyinstr_sleep", A, 16, INT64_MAX), RT_EFAULT);
	check(A, "", 0);
	munmap(p, 8192);
	close(fd);
	teardown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_routine_loads_at_every_size),
		cmocka_unit_test(strings_keep_their_shape),
		cmocka_unit_test(strings_compare_as_bytes),
		cmocka_unit_test(substr_takes_what_the_original_takes),
		cmocka_unit_test(bytes_are_copied_at_any_length_and_no_further),
		cmocka_unit_test(records_and_keys_take_strings),
		cmocka_unit_test(buckets),
		cmocka_unit_test(slots_are_claimed_once_until_none_is_left),
		cmocka_unit_test(absent_pages_are_read_by_sleepable_programs),
	};

	if (geteuid()) {
		puts("SKIP: needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
