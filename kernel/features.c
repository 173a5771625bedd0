/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/features.c: which features this kernel has; each is probed once.
 * In:   USDTKIT_WITHOUT=name,… in the environment: features that tests
 *       switch off, so that every fall-back runs on a new kernel too.
 * Out:  kern_has; kern_why_not, one line that says why this process cannot trace.
 * Owns: the answers, for the life of the process.
 */
#include "ebpf/ebpf.h"
#include "kernel/inner.h"

#include <errno.h>
#include <linux/btf.h>
#include <linux/capability.h>
#include <linux/version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Loads a program of the library with the type for uprobes; its descriptor, or -errno. */
static int load(const char *program, uint32_t attach)
{
	const struct ebpf_kind kind = { .type = BPF_PROG_TYPE_KPROBE, .attach = attach };

	return ebpf_load(program, &kind, NULL, NULL, 0);
}

/* The path is a folder. Kernels that know this link refuse the folder, others refuse the link. */
static bool probe_uprobe_multi(void)
{
	int err, fd, prog = load("rt_prog_nothing", KERN_UPROBE_MULTI);
	const uint64_t offset = 0;

	if (prog < 0)
		return false;
	fd = kern_uprobe_multi(prog, "/", &offset, NULL, NULL, 1, 0);
	err = fd < 0 ? -fd : 0;
	if (fd >= 0)
		close(fd);
	close(prog);
	return err == EBADF;
}

static bool probe_cookie(void)
{
	int prog = load("rt_prog_cookie", 0);

	if (prog >= 0)
		close(prog);
	return prog >= 0;
}

static bool probe_iter_vma(void)
{
	const struct kern_btf *btf = kern_btf_read();

	return btf && kern_btf_find(btf, BTF_KIND_FUNC, "bpf_iter_task_vma");
}

static bool probe_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

static const struct {
	const char *name;
	bool (*probe)(void);
} features[KERN_NFEATURES] = {
#define KERN_FEATURE(id) [KERN_F_##id] = { #id, probe_##id },
#include "kernel/features.def"
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

bool kern_has(enum kern_feature f)
{
	enum { UNKNOWN, YES, NO };
	static unsigned char known[KERN_NFEATURES]; /* threads that race find the same answer */
	unsigned char answer = __atomic_load_n(&known[f], __ATOMIC_RELAXED);

	if (switched_off(features[f].name))
		return false;
	if (answer == UNKNOWN) {
		answer = features[f].probe() ? YES : NO;
		__atomic_store_n(&known[f], answer, __ATOMIC_RELAXED);
	}
	return answer == YES;
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

/* Does /proc show this pid namespace? Ids from system calls and programs are looked up in /proc. */
static bool is_own_proc(void)
{
	char self[16] = "";

	return readlink("/proc/self", self, sizeof(self) - 1) > 0 && atoi(self) == getpid();
}

const char *kern_why_not(struct arena *a)
{
	uint32_t version = kern_version();
	struct utsname u;
	int prog;

	if (!capable(CAP_SYS_ADMIN) && !(capable(CAP_BPF) && capable(CAP_PERFMON)))
		return "tracing needs root, or the capabilities CAP_BPF and CAP_PERFMON";
	if (version && version < KERNEL_VERSION(6, 1, 0) && !uname(&u))
		return arena_printf(a, "tracing needs Linux 6.1 or later; this is %s", u.release);
	if (!is_own_proc())
		return "tracing needs the /proc of this pid namespace: mount -t proc proc /proc";
	if (!kern_has(KERN_F_btf))
		return "tracing needs the kernel's types in /sys/kernel/btf/vmlinux "
		       "(CONFIG_DEBUG_INFO_BTF)";
	prog = load("rt_prog_nothing", 0);
	if (prog < 0)
		return arena_printf(a, "the kernel does not let this process load BPF programs: %s",
				    strerror(-prog));
	close(prog);
	return NULL;
}
