/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/consumer/test_stale.c: bytes that earlier firings left in scratch memory never reach user
 * space. Each program runs in scratch memory filled with a byte, and again with another byte.
 * Records, keys and variables of both runs must be equal, also in the padding between fields.
 */
#include "config.h"

#include "tests/consumer/compilerig.h"

#include <sched.h>
#include <sys/syscall.h>

/* ---- All that a program leaves ------------------------------------------------------------ */

struct output {
	char *bytes;
	size_t len, cap;
};

static void add(struct output *o, const void *bytes, size_t len)
{
	if (o->len + len > o->cap) {
		o->cap = 2 * (o->len + len);
		o->bytes = realloc(o->bytes, o->cap);
		assert_non_null(o->bytes);
	}
	memcpy(o->bytes + o->len, bytes, len);
	o->len += len;
}

static int add_record(void *arg, void *data, size_t len)
{
	struct rt_rec rec;

	assert_true(len >= sizeof(rec));
	memcpy(&rec, data, sizeof(rec));
	rec.time = 0;
	add(arg, &rec, sizeof(rec));
	add(arg, (char *)data + sizeof(rec), len - sizeof(rec));
	return 0;
}

static void add_rings(struct output *o, struct rig *r)
{
	for (uint32_t i = 0; i < r->ncpu; i++) {
		struct ring_buffer *ring;

		if (r->rings[i] < 0)
			continue;
		ring = ring_buffer__new(r->rings[i], add_record, o, NULL);
		assert_non_null(ring);
		assert_true(ring_buffer__consume(ring) >= 0);
		ring_buffer__free(ring);
	}
}

static size_t row_size;

static int row_cmp(const void *one, const void *two)
{
	return memcmp(one, two, row_size);
}

/* Adds keys and values in the order of their bytes: the order of a hash differs from run to run. */
static void add_hash(struct output *o, int fd, uint32_t key_size, uint32_t value_size)
{
	size_t row = key_size + value_size, n = 0;
	char *rows = malloc(64 * row), *key = NULL;

	assert_non_null(rows);
	while (n < 64 && !bpf_map_get_next_key(fd, key, rows + n * row)) {
		key = rows + n * row;
		assert_int_equal(bpf_map_lookup_elem(fd, key, key + key_size), 0);
		n++;
	}
	row_size = row;
	qsort(rows, n, row, row_cmp);
	add(o, rows, n * row);
	free(rows);
}

static void add_direct(struct output *o, struct rig *r, int id)
{
	size_t n;
	uint32_t size = cc_maps(r->cc, &n)[id].value_size;
	char *all = malloc(size);

	assert_non_null(all);
	direct_read(r, id, 0, all, size);
	add(o, all, size);
	free(all);
}

/* Adds the thread-local variables of this thread, in which the programs run. */
static void add_self(struct output *o, const struct cc_map *m)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	char *all = calloc(1, m->value_size);

	assert_true(pidfd >= 0 && all);
	if (!bpf_map_lookup_elem(m->fd, &pidfd, all))
		add(o, all, m->value_size);
	free(all);
	close(pidfd);
}

static void add_maps(struct output *o, struct rig *r)
{
	size_t n;
	struct cc_map *maps = cc_maps(r->cc, &n);

	for (size_t id = 0; id < n; id++) {
		if (!maps[id].used)
			continue;
		if (maps[id].kind == CC_M_TASK)
			add_self(o, &maps[id]);
		else if (maps[id].kind == CC_M_DYN)
			add_hash(o, maps[id].fd, maps[id].key_size, maps[id].value_size);
		else if (maps[id].kind == CC_M_AGG)
			for (uint32_t cpu = 0; cpu < r->ncpu; cpu++)
				add_hash(o, r->inner[id][cpu], maps[id].key_size,
					 maps[id].value_size);
		else if (id == CC_MAP_GLOBALS || id == CC_MAP_CELLS)
			add_direct(o, r, (int)id);
	}
}

static void fill_scratch(struct rig *r, int byte)
{
	size_t n;
	struct cc_map *m = &cc_maps(r->cc, &n)[CC_MAP_SCRATCH];
	char *slot = malloc(m->value_size + 8);

	assert_true(m->used && slot);
	memset(slot, byte, m->value_size + 8);
	for (uint32_t i = 0; i < r->ncpu * RT_SLOTS; i++)
		assert_int_equal(bpf_map_update_elem(m->fd, &i, slot, BPF_ANY), 0);
	free(slot);
}

/* ---- Programs ------------------------------------------------------------------------------- */

/* arg0 is the address of this text, arg1 is 5. */
static const char text[] = "hello, world: more than is asked for";

#define ERRORS " ERROR { trace(arg4); }"
static const struct {
	const char *what, *program;
} cases[] = {
	{ "a string of so many bytes", "BEGIN { trace(stringof(copyin(arg0, 5))); }" },
	{ "a string of a size known at run time",
	  "BEGIN { trace(stringof(copyin(arg0, arg1))); }" },
	{ "a printed string", "BEGIN { printf(\"%s\", stringof(copyin(arg0, 5))); }" },
	{ "a string as a key", "BEGIN { @[stringof(copyin(arg0, 5)), 1] = count(); }" },
	{ "a string as an array's key", "BEGIN { x[1, stringof(copyin(arg0, 5))] = 1; }" },
	{ "a string as a thread's key", "BEGIN { self->x[stringof(copyin(arg0, 5)), 2] = 1; }" },
	{ "a string in a global", "BEGIN { s = stringof(copyin(arg0, 5)); }" },
	{ "a string in a thread's variable", "BEGIN { self->s = stringof(copyin(arg0, 5)); }" },
	{ "a string in an element", "BEGIN { x[1] = stringof(copyin(arg0, 5)); }" },
	{ "a short string in an element", "BEGIN { x[1] = \"ab\"; }" },
	{ "a string in a clause's variable",
	  "BEGIN { this->s = stringof(copyin(arg0, 5)); trace(this->s); }" },
	{ "a string by way of a pointer",
	  "BEGIN { this->p = (char *)copyin(arg0, 5); trace(stringof(this->p)); }" },
	{ "a string from the middle",
	  "BEGIN { this->p = (char *)copyin(arg0, arg1); trace(stringof(this->p + 2)); }" },
	{ "a string whose end was written over",
	  "BEGIN { this->p = (char *)copyin(arg0, 8); this->p[7] = 65; trace(stringof(this->p)); }" },
	{ "a string behind another",
	  "BEGIN { this->p = (char *)copyin(arg0, 3); this->q = (char *)copyin(arg0, 7);"
	  " trace(stringof(this->p)); trace(stringof(this->q)); }" },
	{ "a predicate",
	  "BEGIN /stringof(copyin(arg0, 5)) == \"hello\"/ { n = 1; trace(execname); }"
	  " BEGIN /strlen(stringof(copyin(arg0, arg1))) != 5/ { n = 2; trace(execname); }"
	  " BEGIN { trace(execname); }" },
	{ "its length", "BEGIN { n = strlen(stringof(copyin(arg0, 5))); trace(execname); }" },
	{ "joined", "BEGIN { trace(strjoin(stringof(copyin(arg0, 5)), \"!\")); }" },
	{ "a part", "BEGIN { trace(substr(stringof(copyin(arg0, 5)), 3)); }" },
	{ "a number behind it", "BEGIN { trace(((char *)copyin(arg0, 4))[40]); }" ERRORS },
	{ "a number behind it, by way of a pointer",
	  "BEGIN { this->p = (char *)copyin(arg0, 4); trace(this->p[40]); }" ERRORS },
	{ "a number half behind it", "BEGIN { trace(*(long *)copyin(arg0, 4)); }" ERRORS },
	{ "a number before it",
	  "BEGIN { this->p = (int *)copyin(arg0, 4); trace(this->p[-1]); }" ERRORS },
	{ "a large size read in the middle",
	  "BEGIN { n = 30; this->p = (char *)copyin(arg0, n); trace(this->p[31]); }" ERRORS },
	{ "a struct's array behind it",
	  "struct s { int i; int c[15]; }; BEGIN { trace(((struct s *)copyin(arg0, 4))->c); }" ERRORS },
	{ "a struct's array behind it, by way of a pointer",
	  "struct s { int i; char c[60]; }; BEGIN { this->p = (struct s *)copyin(arg0, 8);"
	  " printf(\"%s\", stringof(this->p->c)); trace(this->p->c); }" ERRORS },
	{ "a member as a variable",
	  "struct s { int i; long l; }; BEGIN { n = ((struct s *)copyin(arg0, 4))->l; }" ERRORS },
	{ "an array of odd size, with room to the next word",
	  "struct s { short c[3]; short d[5]; }; BEGIN { trace(((struct s *)copyin(arg0, 16))->c);"
	  " trace(((struct s *)copyin(arg0, 16))->d); }" },
	{ "a variable's array of odd size", "short c[5]; BEGIN { c[0] = 1; trace(c); }" },
	{ "what a branch not taken records",
	  "BEGIN { n = 1; if (arg1 == 4) { printf(\"%d %s\", n, execname); trace(n); }"
	  " else { trace(2); } }" },
	{ "what many branches not taken record",
	  "struct s { short c[333]; }; BEGIN { if (arg1 == 4) { trace(((struct s *)copyin(arg0, 9))->c); }"
	  " trace(1); if (arg1 == 3) { ustack(); } if (arg1 == 2) { usym(arg0); } }" },
	{ "behind an array of the clause's own",
	  "this char a[3]; BEGIN { this->a[0] = 1; this->p = &this->a[0]; trace(this->p[arg1 + 200]); }" ERRORS },
	{ "an array of the clause's own",
	  "this char a[3]; this string s; BEGIN { this->s = execname; this->a[0] = 65;"
	  " this->p = &this->a[0]; trace(stringof(this->p)); trace(this->p[arg1 - 4]); trace(this->a); }" },
	{ "through a pointer that another clause had",
	  "BEGIN { this->p = (char *)copyin(arg0, 30); } BEGIN { trace(this->p[3]); }"
	  " BEGIN { trace(stringof(this->p)); } BEGIN { copyin(arg0, 2); trace(this->p[9]); }" ERRORS },
	{ "through a pointer that another firing had",
	  "char *p; BEGIN { trace(p[8]); } BEGIN { trace(stringof(p)); }"
	  " BEGIN { p = (char *)copyin(arg0, 30); }" ERRORS },
	{ "after a copy that failed",
	  "BEGIN { this->p = (char *)copyin(8, 30); } BEGIN { trace(this->p[3]); }" ERRORS },
	{ "no bytes at all",
	  "BEGIN { trace(stringof(copyin(arg0, 0))); this->p = (char *)copyin(arg0, 0);"
	  " trace(stringof(this->p)); } BEGIN { trace(*(char *)copyin(arg0, 0)); }" ERRORS },
	{ "names and literals",
	  "BEGIN { trace(probename); trace(probeprov); trace(\"12345678\"); @[execname, \"\"] = count();"
	  " @b[probefunc, \"1234567\"] = sum(1); x[execname] = probename; }" },
	{ "symbols and stacks",
	  "BEGIN { printf(\"%a %A\", arg0, arg0); @[usym(arg0), ustack(), stack(3)] = count(); ustack(); }" },
	{ "one of two strings",
	  "BEGIN { trace(arg1 == 5 ? \"a\" : \"bcd\"); s = arg1 ? \"x\" : execname; }" },
	{ "a variable that was never assigned",
	  "this string s; this int n; BEGIN { trace(this->s); trace(this->n); @[this->s] = count(); }" },
};

static void leaves(const char *program, int byte, struct output *o)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	start(r, program);
	for (int i = 0; i < 2; i++) { /* the second run finds pointers and variables set */
		fill_scratch(r, byte);
		run(r, (uint64_t)(uintptr_t)text, 5);
	}
	add_rings(o, r);
	add_maps(o, r);
	done(r);
	free(r);
}

static void test_scratch_stays_inside(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct output one = { 0 }, two = { 0 };
		size_t at = 0;

		leaves(cases[i].program, 0x5a, &one);
		leaves(cases[i].program, 0xa5, &two);
		assert_true(one.len > 0);
		while (at < one.len && at < two.len && one.bytes[at] == two.bytes[at])
			at++;
		if (one.len != two.len || at < one.len) {
			failed++;
			print_error("%s: byte %zu of %zu (%zu) is scratch memory's\n",
				    cases[i].what, at, one.len, two.len);
		}
		free(one.bytes);
		free(two.bytes);
	}
	assert_int_equal(failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_scratch_stays_inside) };
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first); /* all records are in one ring, in order */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
