#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tests/provider/test_shim.sh: our <sys/sdt.h> has the macros of SystemTap's, and makes equal notes.
dtrace=$PWD/dtrace dump=$PWD/tests/usdt/dump
inc=$(cd "${srcdir:-.}" && pwd)/include
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
fails=0
ok() { echo "ok: $1"; }
bad() { echo "FAIL: $1"; fails=$((fails + 1)); }
check() { what=$1; shift; if "$@" >log 2>&1; then ok "$what"; else bad "$what"; head -5 log; fi; }
same() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: got '$2', want '$3'"; fi; }

cat >app.c <<'E'
#define SDT_USE_VARIADIC 1
#ifdef SEMAPHORES
#define _SDT_HAS_SEMAPHORES 1
#define SEM(name) __extension__ unsigned short app_##name##_semaphore __attribute__((section(".probes")))
#else
#define SEM(name) struct unused_##name
#endif
#include <sys/sdt.h>
#define WHOSE app
#define WHAT by_macro
SEM(p0); SEM(p1); SEM(p2); SEM(p3); SEM(p12); SEM(v0); SEM(v1); SEM(v12); SEM(s4); SEM(by_macro);
int main(int argc, char **argv)
{
	char c = (char)argc;
	unsigned short s = (unsigned short)argc;
	long long l = argc;
	void *p = argv;

	DTRACE_PROBE(app, p0);
	DTRACE_PROBE1(app, p1, argc);
	DTRACE_PROBE2(app, p2, c, s);
	DTRACE_PROBE3(app, p3, l, p, argv[0]);
	DTRACE_PROBE12(app, p12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, argv);
	STAP_PROBE4(app, s4, argc, c, l, 5L);
	STAP_PROBEV(app, v0);
	STAP_PROBEV(app, v1, s);
	STAP_PROBEV(app, v12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
	STAP_PROBE1(WHOSE, WHAT, argc);
	return 0;
}
E
notes() { "$dump" "$1" | sed -n 's/ off=.* sem=\(0x[0-9a-f]*\)\/.* args="\([^"]*\)".*/ \1 \2/p' | sed 's/ 0x0 / none /; s/ 0x[1-9a-f][0-9a-f]* / some /'; }
theirs=$(echo '#include <sys/sdt.h>' | gcc -E -x c - 2>/dev/null | sed -n 's/^# 1 "\(.*sys\/sdt.h\)".*/\1/p' | head -1)
for cc in gcc clang g++; do
	command -v $cc >/dev/null || { echo "skipped: no $cc"; continue; }
	case $cc in *++) x=c++ ;; *) x=c ;; esac
	for sem in "" -DSEMAPHORES; do
		for o in -O0 -O2; do
			what="$cc $o $sem"
			check "$what" $cc -x $x $o $sem -Wall -Wextra -Werror -Wno-write-strings -I"$inc/shim" -I"$inc" app.c -o ours
			check "$what: runs" ./ours
			same "$what: sites" "$(notes ours | wc -l)" 10
			[ -n "$theirs" ] || continue
			$cc -x $x $o $sem -w app.c -o stap && notes ours >ours.txt && notes stap >stap.txt
			[ $o != -O0 ] || check "$what: notes are SystemTap's" diff ours.txt stap.txt
			[ $o = -O0 ] || same "$what: SystemTap's sites" "$(wc -l <stap.txt)" 10
		done
	done
done
[ -n "$theirs" ] || echo "skipped: comparison with SystemTap's header, which is not installed"
# A header of -x sys_sdt includes our <sys/sdt.h>.
echo 'provider app { probe hit(int n, char *s); };' >h.d
"$dtrace" -h -s h.d -x sys_sdt
printf '#include "h.h"\nint main(int argc, char **argv) { if (APP_HIT_ENABLED()) return 1; APP_HIT(argc, argv[0]); return 0; }\n' >h.c
check "dtrace -h -x sys_sdt" gcc -Wall -Werror -I"$inc/shim" -I"$inc" h.c -o h
check "dtrace -h -x sys_sdt: runs" ./h
same "dtrace -h -x sys_sdt: a semaphore" "$(notes h | grep -c some)" 1
for std in c89 c99 gnu17; do
	echo '#include <sys/sdt.h>
int main(int argc, char **argv) { DTRACE_PROBE2(app, hit, argc, argv); return 0; }' >std.c
	check "-std=$std -pedantic" gcc -std=$std -pedantic -Wall -Wextra -Wundef -Werror -I"$inc/shim" -I"$inc" std.c -o std
done
[ $fails -eq 0 ]
