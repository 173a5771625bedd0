/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/floor.c: the kernel's floor, the least that a hit costs: attaches a
 * program of two instructions to every probe site of a file while a command runs.
 *
 *	floor FILE COMMAND [ARGS …]
 */
#include "usdt/usdt.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int attach(const char *path, uint64_t offset, int prog)
{
	struct perf_event_attr attr = { .size = sizeof(attr),
					.config1 = (uintptr_t)path,
					.config2 = offset };
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	int fd;

	if (!f || fscanf(f, "%u", &attr.type) != 1)
		return -1;
	fclose(f);
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, 8 /* close on exec */);
	return fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) ||
	       ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
}

int main(int argc, char **argv)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);
	int prog = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "floor", "GPL", insns, 2, &opts), status;
	struct usdt_file *file;
	pid_t pid;

	if (argc < 3 || prog < 0 || usdt_file_open(argv[1], &file)) {
		perror("floor");
		return 1;
	}
	for (size_t i = 0; i < usdt_file_nprobes(file); i++) {
		const struct usdt_probe *p = usdt_file_probe(file, i);

		for (size_t k = 0; k < usdt_probe_nsites(p); k++)
			if (attach(argv[1], usdt_site_offset(usdt_probe_site(p, k)), prog)) {
				perror("floor: attach");
				return 1;
			}
	}
	usdt_file_close(file);
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status ? 0 : 1;
}
