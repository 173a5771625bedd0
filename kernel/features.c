/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/features.c: what this kernel can, each thing probed once.
 * In:   USDTKIT_WITHOUT=name,… in the environment: features that tests
 *       switch off, so that every fall-back runs on a new kernel too.
 * Out:  prov_has, and one line for who may not trace at all.
 * Owns: the answers, for the life of the process.
 */
#include "consumer/providers/inner.h"
#include "kernel/uapi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/btf.h>
#include <linux/capability.h>
#include <linux/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static const struct bpf_insn exit_0[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int load(enum bpf_prog_type type, const struct bpf_insn *insns, size_t n, uint32_t attach)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach);

	return bpf_prog_load(type, NULL, "GPL", insns, n, &opts);
}

static bool loads(enum bpf_prog_type type, const struct bpf_insn *insns, size_t n)
{
	int fd = load(type, insns, n, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Kernels that know this link complain of a file that is none; others of the link. */
static bool probe_uprobe_multi(void)
{
	int err, fd, prog = load(BPF_PROG_TYPE_KPROBE, exit_0, COUNT(exit_0), UAPI_UPROBE_MULTI);
	const uint64_t offset = 0;

	if (prog < 0)
		return false;
	fd = uapi_uprobe_multi(prog, "/", &offset, NULL, NULL, 1, 0);
	err = fd < 0 ? -fd : 0;
	if (fd >= 0)
		close(fd);
	close(prog);
	return err == EBADF;
}

static bool probe_cookie(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_attach_cookie },
		exit_0[0],
		exit_0[1],
	};

	return loads(BPF_PROG_TYPE_KPROBE, insns, COUNT(insns));
}

static bool probe_rawtp(void)
{
	return loads(BPF_PROG_TYPE_RAW_TRACEPOINT, exit_0, COUNT(exit_0));
}

static bool probe_task_storage(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_TASK_STORAGE, NULL) == 1;
}

static bool probe_iter_vma(void)
{
	struct kbtf *k = kbtf_open();
	bool found = k && kbtf_find(k, BTF_KIND_FUNC, "bpf_iter_task_vma");

	kbtf_free(k);
	return found;
}

static bool probe_ringbuf(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, (uint32_t)sysconf(_SC_PAGESIZE),
				NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Without it offsets of the kernel's structures, tracepoints and their types are unknown. */
static bool probe_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

static const struct {
	const char *name;
	bool (*probe)(void);
} features[PROV_NFEATURES] = {
	[PROV_F_UPROBE_MULTI] = { "uprobe_multi", probe_uprobe_multi },
	[PROV_F_COOKIE] = { "cookie", probe_cookie },
	[PROV_F_RAWTP] = { "rawtp", probe_rawtp },
	[PROV_F_TASK_STORAGE] = { "task_storage", probe_task_storage },
	[PROV_F_ITER_VMA] = { "iter_vma", probe_iter_vma },
	[PROV_F_RINGBUF] = { "ringbuf", probe_ringbuf },
	[PROV_F_BTF] = { "btf", probe_btf },
};

static bool switched_off(const char *name)
{
	const char *list = getenv("USDTKIT_WITHOUT");
	size_t len = strlen(name);

	for (const char *s = list; s && *s; s += strcspn(s, ","), s += *s == ',')
		if (strcspn(s, ",") == len && !strncmp(s, name, len))
			return true;
	return false;
}

bool prov_has(enum prov_feature f)
{
	/* A cache of what cannot change, not state: 1 it has it, 2 it has not. Threads that race
	 * find the same answer. */
	static unsigned char known[PROV_NFEATURES];
	unsigned char answer = __atomic_load_n(&known[f], __ATOMIC_RELAXED);

	if (switched_off(features[f].name))
		return false;
	if (!answer) {
		answer = features[f].probe() ? 1 : 2;
		__atomic_store_n(&known[f], answer, __ATOMIC_RELAXED);
	}
	return answer == 1;
}

/* ---- Why not ------------------------------------------------------------------- */

static bool capable(unsigned cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	if (syscall(SYS_capget, &head, data))
		return false;
	return data[cap / 32].effective & 1u << cap % 32;
}

/* Processes are looked up in /proc by the ids that system calls and programs give. */
static bool is_own_proc(void)
{
	char self[16] = "";

	return readlink("/proc/self", self, sizeof(self) - 1) > 0 && atoi(self) == getpid();
}

const char *prov_why_not(struct arena *a)
{
	struct utsname u;
	unsigned major = 0, minor = 0;
	int fd;

	if (!capable(CAP_SYS_ADMIN) && !(capable(CAP_BPF) && capable(CAP_PERFMON)))
		return "tracing needs root, or the capabilities CAP_BPF and CAP_PERFMON";
	if (!uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	    KERNEL_VERSION(major, minor, 0) < KERNEL_VERSION(6, 1, 0))
		return arena_printf(a, "tracing needs Linux 6.1 or later; this is %s", u.release);
	if (!is_own_proc())
		return "tracing needs the /proc of this pid namespace: mount -t proc proc /proc";
	if (!prov_has(PROV_F_BTF))
		return "tracing needs the kernel's types in /sys/kernel/btf/vmlinux "
		       "(CONFIG_DEBUG_INFO_BTF)";
	fd = load(BPF_PROG_TYPE_KPROBE, exit_0, COUNT(exit_0), 0);
	if (fd < 0)
		return arena_printf(a, "the kernel does not let this process load BPF programs: %s",
				    strerror(errno));
	close(fd);
	return NULL;
}
