#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Machines that lack or refuse types, tracefs, bpf(2), descriptors, room on disks."""
import os
import re
import shutil
import sys

from before import LIMIT, Before, Running, none_matches, says
from lib import DTRACE, FOLDER, HERE, build_app, main, must, numbers, sh

BEGIN = 'BEGIN { printf("on"); exit(0); }'
COUNT = "app$target:::hit { @ = count(); }"


def put(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def told(status, out, err, *command, env=None):
    before = Before()
    p = sh(*command, timeout=LIMIT, env=dict(os.environ, **env) if env else None)
    assert (p.returncode, p.stdout, p.stderr) == (status, out, err), p
    before.again()


def aside(mounts, command):
    """Arguments that run a shell command in a new mount namespace, after the mounts."""
    return ("unshare", "-m", "/bin/sh", "-c", "%s || exit 99; %s" % (mounts, command))


def test_no_btf():
    lacks = "dtrace: tracing needs the kernel's types in /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)\n"
    told(1, "", lacks, DTRACE, "-qn", BEGIN, env={"USDTKIT_WITHOUT": "btf"})
    told(1, "", lacks, *aside("mount -t tmpfs none /sys/kernel/btf", "%s -qn '%s'" % (DTRACE, BEGIN)))
    # lists and generated headers need no types of the kernel
    p = sh(DTRACE, "-l", "-n", "syscall:vmlinux:read:entry", env=dict(os.environ, USDTKIT_WITHOUT="btf"))
    assert p.returncode == 0 and re.search(r"vmlinux +read entry\n$", p.stdout) and not p.stderr, p
    told(0, "", "", DTRACE, "-h", "-s", os.path.join(HERE, "app.d"), "-o", "/dev/null", env={"USDTKIT_WITHOUT": "btf"})


def test_damaged_btf():
    for what in ("/dev/null", put("btf", "no types at all")):
        told(1, "", "dtrace: cannot read the kernel's types (/sys/kernel/btf)\n",
             *aside("mount --bind %s /sys/kernel/btf/vmlinux" % what, "%s -qn '%s'" % (DTRACE, BEGIN)))


def test_a_member_that_the_kernel_lacks():
    """Only programs that use the member are refused."""
    with open("/sys/kernel/btf/vmlinux", "rb") as f:
        types = f.read()
    renamed = types.replace(b"\0real_parent\0", b"\0real_parenX\0").replace(b"\0orig_ax\0", b"\0orig_aX\0")
    path = os.path.join(FOLDER, "types")
    with open(path, "wb") as f:
        f.write(renamed)
    assert renamed != types and len(renamed) == len(types)

    def with_types(command):
        return aside("mount --bind %s /sys/kernel/btf/vmlinux" % path, command)

    for program, place, member, marked in (
            ("BEGIN { exit(ppid); }", "1:1", "task_struct.real_parent", "^~~~~"),
            ("BEGIN { exit(0); } END /ppid/ { }", "1:20", "task_struct.real_parent", " " * 19 + "^~~"),
            ("syscall::read:return { exit(0); }", "1:1", "pt_regs.orig_ax", "^~~~~~~~~~~~~~~~~~~~")):
        told(1, "", "-n:%s: the kernel's types have no %s, which this clause needs\n%s\n%s\n" % (
            place, member, program, marked), *with_types("%s -qn '%s'" % (DTRACE, program)))
    told(0, "on", "", *with_types("%s -qn '%s'" % (DTRACE, BEGIN)))
    told(0, "on", "", *with_types("%s -qn 'syscall::read:entry { printf(\"on\"); exit(0); }' -c true" % DTRACE))


def test_no_tracefs():
    """dtrace mounts a private tracefs to read names of systems and types of arguments."""
    gone = "for m in $(grep -E ' tracefs ' /proc/mounts | cut -d' ' -f2); do umount -l $m; done; true"
    for what in ("-ln sdt:sched::sched_switch", "-lvn syscall:vmlinux:openat:entry"):
        with_it = must(DTRACE, *what.split())
        told(0, with_it, "", *aside(gone, "%s %s" % (DTRACE, what)))
    told(0, "on", "", *aside(gone, "%s -qn 'sdt:sched::sched_switch { printf(\"on\"); exit(0); }'" % DTRACE))
    told(0, "0\n", "", *aside(gone, "%s -qn 'BEGIN { exit(0); }'; grep -c ' tracefs ' /proc/mounts; true" % DTRACE))


REFUSE = r"""
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(int argc, char **argv)	/* refuse CALL ERRNO command… */
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, atoi(argv[1]), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | atoi(argv[2])),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 4, f };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return 99;
	execv(argv[3], argv + 3);
	return 98;
}
"""
BPF, PERF_EVENT_OPEN, PTRACE, EPERM, EACCES = 321, 298, 101, 1, 13


def refusing(call, error, *args):
    path = os.path.join(FOLDER, "refuse")
    if not os.path.exists(path):
        must("gcc", "-o", path, put("refuse.c", REFUSE))
    return (path, str(call), str(error), DTRACE) + args


def test_bpf_is_refused():
    """seccomp refuses bpf(2), as in containers; a locked-down kernel gives the same errors."""
    told(1, "", "dtrace: the kernel does not let this process load BPF programs: Operation not permitted\n",
         *refusing(BPF, EPERM, "-qn", BEGIN))


def test_perf_events_are_refused():
    told(0, "on", "", *refusing(PERF_EVENT_OPEN, EACCES, "-qn", BEGIN))
    told(1, "", "dtrace: warning: cannot attach to a clock: Permission denied\n"
         "dtrace: cannot attach: Permission denied\n",
         *refusing(PERF_EVENT_OPEN, EACCES, "-qn", "tick-1s { exit(0); }"))
    told(1, "", "dtrace: cannot watch what processes map: Permission denied\n",
         *refusing(PERF_EVENT_OPEN, EACCES, "-qZn", "app*:::hit { }"))


def test_ptrace_is_refused():
    told(1, "", "dtrace: failed to execute /bin/true: Operation not permitted\n",
         *refusing(PTRACE, EPERM, "-qc", "/bin/true", "-n", BEGIN),
         env={"ASAN_OPTIONS": "detect_leaks=0"})	# LeakSanitizer uses ptrace itself


def test_few_descriptors():
    """Limits from too low to high enough: a single error line, or complete output."""
    done = []
    for n in range(4, 40):
        before = Before()
        p = sh("/bin/sh", "-c", "ulimit -n %d; exec %s -qn '%s'" % (n, DTRACE, BEGIN), timeout=LIMIT)
        if p.returncode == 127:  # the dynamic loader could not open our libraries
            continue
        done.append(p.returncode)
        if p.returncode:
            assert re.fullmatch(r"dtrace: [\w ,':]+: Too many open files\n", p.stderr) and not p.stdout, (n, p)
        else:
            assert (p.stdout, p.stderr) == ("on", ""), (n, p)
    before.again()
    assert done[0] == 1 and done[-1] == 0 and done == sorted(done, reverse=True), done


def test_more_files_with_probes_than_descriptors():
    folder = os.path.join(FOLDER, "many")
    os.makedirs(folder)
    for i in range(100):
        shutil.copy(build_app(), os.path.join(folder, "app%d" % i))
    maps = os.path.join(FOLDER, "maps")
    must("gcc", "-O1", "-o", maps, os.path.join(HERE, "maps.c"))
    with Running(maps, folder) as m:
        assert m.stdout.readline() == "100\n"
        before = Before()
        text = "ulimit -%s 64; exec %s -l -P app%d"
        p = sh("/bin/sh", "-c", text % ("Sn", DTRACE, m.pid), timeout=LIMIT)	# soft: raised
        assert (p.returncode, p.stderr, p.stdout.count(" work hit")) == (0, "", 100), p
        p = sh("/bin/sh", "-c", text % ("n", DTRACE, m.pid), timeout=LIMIT)
        assert (p.returncode, p.stderr) == (0, "dtrace: warning: Too many open files: the probes of some are left out\n"
                                           "hint: raise the limit: ulimit -n\n"), p
        assert 10 < p.stdout.count(" work hit") < 64, p.stdout
        before.again()


def test_a_command_has_the_limits_that_we_were_given():
    told(0, "77\n", "", "/bin/sh", "-c", "ulimit -Sn 77; exec %s -qc '/bin/sh -c \"ulimit -Sn\"' -n 'END { }'" % DTRACE)


def test_read_only_tmp():
    build_app()
    must("gcc", "--version")
    read_only = "mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp"
    p = sh(*aside(read_only, "touch /tmp/x 2>/dev/null && exit 98; %s -q -C -c '%s -n 7' -n '%s'"
                  % (DTRACE, build_app(), COUNT)), timeout=LIMIT)
    assert (p.returncode, numbers(p.stdout), p.stderr) == (0, [7], ""), p
    out = os.path.join(FOLDER, "x.h")
    told(1, "", "dtrace: failed to create %s: Read-only file system\n" % out,
         *aside(read_only, "%s -h -s %s -o %s" % (DTRACE, os.path.join(HERE, "app.d"), out)))


def test_full_disk_of_a_generator():
    """dtrace -h and -G write a file whole, or not at all."""
    disk = os.path.join(FOLDER, "disk")
    os.makedirs(disk)
    fill = "mount -t tmpfs -o size=4k,nr_inodes=3 none %s && dd if=/dev/zero of=%s/x bs=4k count=1 2>/dev/null" % (disk, disk)
    for flag in ("-h", "-G"):
        told(1, "x\n", "dtrace: failed to write %s/y: No space left on device\n" % disk,
             *aside(fill, "%s %s -s %s -o %s/y; s=$?; ls %s; exit $s"
                    % (DTRACE, flag, os.path.join(HERE, "app.d"), disk, disk)))


main(sys.modules[__name__])
