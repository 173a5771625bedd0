/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/ebpf/test_progs.c: this kernel loads every whole program of the library. */
#include "base/grow.h"
#include "ebpf/ebpf.h"
#include "kernel/kernel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/btf.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* A program's kind, and values for the numbers that it names. */
static const struct prog {
	const char *name;
	enum bpf_prog_type type;
	uint32_t attach, flags;
	const char *btf; /* the kernel's function that the program is attached to */
	struct number {
		const char *name;
		uint64_t value;
	} numbers[4];
} progs[] = {
	{ "rt_prog_nothing", BPF_PROG_TYPE_KPROBE, 0, 0, NULL, { { 0 } } },
	{ "rt_prog_cookie", BPF_PROG_TYPE_KPROBE, 0, 0, NULL, { { 0 } } },
	{ "rt_prog_stop",
	  BPF_PROG_TYPE_KPROBE,
	  0,
	  0,
	  NULL,
	  { { "signal", SIGURG }, { "other_signal", SIGCONT } } },
	{ "rt_prog_stop_plain", BPF_PROG_TYPE_KPROBE, 0, 0, NULL, { { "signal", SIGURG } } },
	{ "rt_prog_task_vma",
	  BPF_PROG_TYPE_TRACING,
	  BPF_TRACE_ITER,
	  0,
	  "bpf_iter_task_vma",
	  { { "executable_only", 0 } } },
	{ "rt_prog_task_vma",
	  BPF_PROG_TYPE_TRACING,
	  BPF_TRACE_ITER,
	  0,
	  "bpf_iter_task_vma",
	  { { "executable_only", 1 } } },
	{ "rt_prog_vtime", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, NULL, { { "cpu_mask", 3 } } },
	{ "rt_prog_drain",
	  BPF_PROG_TYPE_SYSCALL,
	  0,
	  BPF_F_SLEEPABLE,
	  NULL,
	  { { "key_size", 32 }, { "words", 1 } } },
	{ "rt_prog_drain",
	  BPF_PROG_TYPE_SYSCALL,
	  0,
	  BPF_F_SLEEPABLE,
	  NULL,
	  { { "key_size", 8 }, { "words", RT_DRAIN_DENSE } } },
	{ "rt_prog_drain",
	  BPF_PROG_TYPE_SYSCALL,
	  0,
	  BPF_F_SLEEPABLE,
	  NULL,
	  { { "key_size", 2048 }, { "words", RT_DRAIN_DENSE + 1 } } },
	{ "rt_prog_drain",
	  BPF_PROG_TYPE_SYSCALL,
	  0,
	  BPF_F_SLEEPABLE,
	  NULL,
	  { { "key_size", 2048 }, { "words", RT_DRAIN_WORDS_MAX } } },
};

static bool number(void *arg, const char *name, uint64_t *value)
{
	const struct prog *p = arg;

	for (size_t i = 0; i < COUNT(p->numbers) && p->numbers[i].name; i++)
		if (!strcmp(p->numbers[i].name, name)) {
			*value = p->numbers[i].value;
			return true;
		}
	return !kern_offset(name, value);
}

/* ---- Maps ------------------------------------------------------------------------------------ */

static int hashes_make(const struct prog *p)
{
	uint64_t words = p->numbers[1].value;
	int inner = bpf_map_create(BPF_MAP_TYPE_HASH, "hash", (uint32_t)p->numbers[0].value,
				   (uint32_t)words * 8, 16, NULL);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = (uint32_t)inner);
	int outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "hashes", 4, 4, 2, &opts);

	close(inner);
	return outer;
}

/* Task storage wants the types of its keys and values. */
static int self_make(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	struct btf *btf = btf__new_empty();
	int key = btf__add_int(btf, "int", 4, BTF_INT_SIGNED), fd;
	int value = btf__add_struct(btf, "self", sizeof(struct rt_self));

	btf__add_field(btf, "words", btf__add_array(btf, key, key, sizeof(struct rt_self) / 4), 0,
		       0);
	assert_int_equal(btf__load_into_kernel(btf), 0);
	opts.btf_fd = (uint32_t)btf__fd(btf);
	opts.btf_key_type_id = (uint32_t)key;
	opts.btf_value_type_id = (uint32_t)value;
	fd = bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, "self", 4, sizeof(struct rt_self), 0, &opts);
	btf__free(btf);
	return fd;
}

static int map_make(const struct prog *p, const char *name)
{
	if (!strcmp(name, "hashes"))
		return hashes_make(p);
	if (!strcmp(name, "drained"))
		return bpf_map_create(BPF_MAP_TYPE_RINGBUF, "drained", 0, 0, RT_DRAIN_RING, NULL);
	if (!strcmp(name, "cpus"))
		return bpf_map_create(BPF_MAP_TYPE_ARRAY, "cpus", 4, 4 * sizeof(struct rt_cpu), 1,
				      NULL);
	return !strcmp(name, "self") ? self_make() : -1;
}

/* A map is made once for each name. */
static struct made {
	char name[16];
	int fd;
} made[4];

static int map(void *arg, const char *name, int id)
{
	(void)id;
	for (size_t i = 0; i < COUNT(made); i++) {
		if (!made[i].name[0]) {
			snprintf(made[i].name, sizeof(made[i].name), "%s", name);
			made[i].fd = map_make(arg, name);
		}
		if (!strcmp(made[i].name, name))
			return made[i].fd;
	}
	return -1;
}

static void maps_close(void)
{
	for (size_t i = 0; i < COUNT(made); i++)
		if (made[i].name[0])
			close(made[i].fd);
	memset(made, 0, sizeof(made));
}

/* ---- Tests -------------------------------------------------------------------------------- */

static void load(struct prog p)
{
	static char log[1 << 20];
	const struct kern_btf *btf = kern_btf();
	const struct ebpf_kind kind = {
		.type = p.type,
		.attach = p.attach,
		.flags = p.flags,
		.attach_btf_id = p.btf && btf ? kern_btf_find(btf, BTF_KIND_FUNC, p.btf) : 0,
	};
	const struct ebpf_names names = { .arg = &p, .number = number, .map = map };
	int prog = ebpf_load(p.name, &kind, &names, log, sizeof(log));

	if (prog < 0)
		fail_msg("%s: %s: %s", p.name, strerror(-prog), log);
	close(prog);
	maps_close();
}

static void the_kernel_takes_every_program(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(progs); i++) {
		struct prog p = progs[i];

		load(p);
		p.attach = KERN_UPROBE_MULTI;
		if (p.type == BPF_PROG_TYPE_KPROBE && kern_has(KERN_F_uprobe_multi))
			load(p);
	}
}

static void every_program_is_in_the_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < ebpf_nlibrary; i++) {
		bool found = strncmp(ebpf_library[i].name, "rt_prog_", 8) != 0;

		for (size_t k = 0; k < COUNT(progs); k++)
			found |= !strcmp(progs[k].name, ebpf_library[i].name);
		if (!found)
			fail_msg("%s", ebpf_library[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_takes_every_program),
		cmocka_unit_test(every_program_is_in_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
