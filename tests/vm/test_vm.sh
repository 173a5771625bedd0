#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/vm/test_vm.sh: tests that tests/vm/run does as its header says, on kernels 6.1 and 6.12.
# In:   nothing. Out: TAP; status 77 and one line where no VM can run. Owns: a folder in /tmp.

set -u
cd "$(dirname "$0")" || exit 1
run=$PWD/run
temp=$(mktemp -d /tmp/test_vm.XXXXXX) || exit 1
trap 'rm -rf "$temp"' EXIT
mkdir "$temp/tmp"
export TMPDIR=$temp/tmp
tests=0 failed=0

is()		# CLAIM GOT WANTED
{
	tests=$((tests + 1))
	[ "$2" = "$3" ] && echo "ok $tests - $1" && return
	failed=$((failed + 1))
	echo "not ok $tests - $1"
	printf '# got:    %s\n# wanted: %s\n' "${2//$'\n'/$'\n#         '}" "${3//$'\n'/$'\n#         '}"
}

vm()		# ARGUMENTS: calls run; sets $status, $out and $err
{
	"$run" "$@" >"$temp/out" 2>"$temp/err"
	status=$?
	out=$(tr -d '\000' <"$temp/out")
	err=$(cat "$temp/err")
	case $status:$out in 77:SKIP:*) echo "$out"; exit 77 ;; esac
}

claims='
uname -r | cut -d. -f1,2
id -u
cat /sys/kernel/debug/sched/preempt
pwd
[ -s /sys/kernel/btf/vmlinux ] && echo btf
grep -q vfs_read /sys/kernel/tracing/available_filter_functions && echo tracefs
cmp /tmp/test_vm.*/mine mine.copy && echo path
echo x 2>/dev/null >mine.copy || echo readonly
echo x >/tmp/scratch && echo scratch
echo "$VM_TEST"
echo complaint >&2
exit 3'

for kernel in 6.1 6.12; do
	mkdir -p "$temp/$kernel/shared"
	cd "$temp/$kernel" || exit 1
	date +%N >"$temp/mine"
	cp "$temp/mine" mine.copy

	VM_TEST="two  'words'" vm -k "$kernel" -p full -- "$claims"
	is "$kernel: the shell's status comes back" "$status" 3
	is "$kernel: stderr comes apart" "$err" complaint
	is "$kernel: root, mode, folder, files and environment" "$out" "$kernel
0
none voluntary (full) 
$PWD
btf
tracefs
path
readonly
scratch
two  'words'"
	is "$kernel: nothing reached the host" "$(cat mine.copy; ls /tmp/scratch 2>&1 | wc -l)" \
		"$(cat "$temp/mine"; echo 1)"

	vm -k "$kernel" -p none -w "$PWD/shared" -- bash -c \
		'cat /sys/kernel/debug/sched/preempt; for a; do echo "$a"; done >shared/file; false' \
		sh 'a  b' '$c' "d'e"
	is "$kernel: words are kept, and written where -w says" "$(cat shared/file)" "a  b
\$c
d'e"
	is "$kernel: preempt=none is had, and false is 1" "$out $status" "(none) voluntary full  1"

	vm -k "$kernel" -- head -c 3000000 /dev/zero
	is "$kernel: bytes come whole" "$(tr -d '\000' <"$temp/out" | wc -c) $(wc -c <"$temp/out")" \
		"0 3000000"

	vm -k "$kernel" -t 8 -- 'echo started; sleep 60'
	is "$kernel: the limit is 124, after what was written" "$status $out" "124 started"

	vm -k "$kernel" -- 'echo before; sleep 1; echo 1 >/proc/sys/kernel/sysrq
		echo c >/proc/sysrq-trigger; sleep 60'
	is "$kernel: a panic is 125, and shown" \
		"$status $out $(grep -c 'Kernel panic' "$temp/err")" "125 before 1"
done

mkdir "$temp/bin"
vm_path=$PATH
is "no busybox is a skip" "$(PATH=$temp/bin /bin/bash "$run" -- true; echo $?)" \
	"SKIP: no busybox
77"
for tool in busybox mkdir mktemp rm; do
	ln -s "$(PATH=$vm_path type -P $tool)" "$temp/bin/"
done
is "no qemu is a skip" "$(PATH=$temp/bin /bin/bash "$run" -- true; echo $?)" \
	"SKIP: no qemu-system-x86_64
77"
ln -s "$(PATH=$vm_path type -P qemu-system-x86_64)" "$temp/bin/"
is "no apt and no kernel kept is a skip" \
	"$(PATH=$temp/bin USDTKIT_VM_CACHE=$temp/cache /bin/bash "$run" -- true; echo $?)" \
	"SKIP: no apt, dpkg to fetch a kernel with
77"
"$run" -k 5.10 -- true 2>/dev/null
is "a kernel that is not of the matrix is wrong usage" $? 125
is "no temporary folder stays" "$(ls -A "$TMPDIR")" ""

echo "1..$tests"
[ "$failed" = 0 ]
