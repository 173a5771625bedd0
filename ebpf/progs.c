/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/progs.c: small programs: features, stops, mappings, time on CPU. progs.h says what each
 * does.
 * In:   a context; numbers, fields and maps by name.
 * Out:  clang's object, from which embed.py makes a table.
 * Owns: nothing.
 */
#include "ebpf/bpf.h"
#include "ebpf/progs.h"

HELPER(uint64_t, ktime_get_ns, 5, void);
HELPER(uint32_t, get_smp_processor_id, 8, void);
HELPER(char *, get_current_task, 35, void);
HELPER(long, probe_read_kernel, 113, void *dst, uint32_t size, const void *addr);
HELPER(long, send_signal_thread, 117, uint32_t sig);
HELPER(long, seq_write, 127, void *seq, const void *data, uint32_t len);
HELPER(void *, task_storage_get, 156, void *map, void *task, void *value, uint64_t flags);
HELPER(void *, get_current_task_btf, 158, void);
HELPER(uint64_t, get_attach_cookie, 174, void *ctx);

/* ---- Features ---------------------------------------------------------------------------- */

int64_t rt_prog_nothing(void *ctx)
{
	(void)ctx;
	return 0;
}

int64_t rt_prog_cookie(void *ctx)
{
	get_attach_cookie(ctx);
	return 0;
}

/* ---- Stops --------------------------------------------------------------------------------- */

int64_t rt_prog_stop_plain(void *ctx)
{
	(void)ctx;
	send_signal_thread(NUMBER(signal));
	return 0;
}

int64_t rt_prog_stop(void *ctx)
{
	uint64_t signal = NUMBER(signal), blocked; /* the helper makes it 0 if it fails */

	(void)ctx;
	probe_read_kernel(&blocked, sizeof(blocked),
			  get_current_task() + FIELD(task_struct.blocked));
	if (blocked >> (signal - 1) & 1)
		signal = NUMBER(other_signal);
	send_signal_thread(signal);
	return 0;
}

/* ---- Mappings ------------------------------------------------------------------------------- */

struct iter_task_vma {
	struct {
		void *seq;
	} * meta;
	char *task, *vma; /* NULL after the last one */
};

/* The verifier knows the types of these pointers from the kernel's BTF, so a load from memory that
 * is no longer mapped gives zero. */
#define READ(type, ptr, path) (*(type *)((ptr) + FIELD(path)))
enum { VM_EXEC = 4, PAGE_BITS = 12 };

int64_t rt_prog_task_vma(struct iter_task_vma *ctx)
{
	char *task = ctx->task, *vma = ctx->vma, *file, *inode;
	struct rt_vma_row row;

	if (!task || !vma)
		return 0;
	file = READ(char *, vma, vm_area_struct.vm_file);
	if (!file)
		return 0;
	if (NUMBER(executable_only) && !(READ(uint64_t, vma, vm_area_struct.vm_flags) & VM_EXEC))
		return 0;
	inode = READ(char *, file, file.f_inode);
	row.inode = (uint64_t)inode;
	row.ino = READ(uint64_t, inode, inode.i_ino);
	row.generation = READ(uint32_t, inode, inode.i_generation);
	row.dev = READ(uint32_t, READ(char *, inode, inode.i_sb), super_block.s_dev);
	row.start = READ(uint64_t, vma, vm_area_struct.vm_start);
	row.end = READ(uint64_t, vma, vm_area_struct.vm_end);
	row.off = READ(uint64_t, vma, vm_area_struct.vm_pgoff) << PAGE_BITS;
	row.pid = READ(uint32_t, task, task_struct.tgid);
	row.tid = READ(uint32_t, task, task_struct.pid);
	seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}

/* ---- Time on CPU ----------------------------------------------------------------------------- */

/* At sched_switch the current task is the task that leaves the CPU. A task that ever read
 * vtimestamp has storage; other tasks cost one exchange. */
int64_t rt_prog_vtime(void *ctx)
{
	struct rt_cpu *cpus = VALUE(cpus);
	uint64_t mask = NUMBER(cpu_mask), cpu = get_smp_processor_id() & mask, now, since;
	struct rt_self *self;

	(void)ctx;
	OPAQUE(cpu);
	if (cpu > mask) /* never: after the mask the verifier knows no such bound */
		return 0;
	now = ktime_get_ns();
	since = atomic_swap(&cpus[cpu].switched, now);
	self = task_storage_get(MAP(self), get_current_task_btf(), 0, 0);
	if (self)
		atomic_add(&self->cpu_time, now - since);
	return 0;
}
