#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tests/usdt/test_sdt.sh: usdt/sdt.h makes the same sites as sys/sdt.h, with each compiler.
dump=$PWD/tests/usdt/dump
here=$(cd "${srcdir:-.}" && pwd)
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
sys=$(echo '#include <sys/sdt.h>' | gcc -M -x c - 2>/dev/null | tr ' ' '\n' | grep '/sys/sdt\.h$')
[ -n "$sys" ] || { echo "skipped: sys/sdt.h is not installed (systemtap-sdt-dev)"; exit 77; }
sys=${sys%/sys/sdt.h}
fails=0

# The text of arguments in notes, without addresses and labels. An optimiser may put values
# elsewhere if the asm text has another length, so places are compared only at -O0.
notes() {
	readelf -n "$1" | sed -n '/Provider:/{s/ *$//;p;};/^ *Name:/p;/Arguments:/p' |
		case $2 in -O0*) cat;; *) sed -E 's/@[^ ]*/@/g';; esac
}
for cc in gcc clang g++ clang++; do
	command -v $cc >/dev/null || { echo "skipped: no $cc"; continue; }
	case $cc in *++) x=c++;; *) x=c;; esac
	for o in -O0 -O1 "-O2 -fPIC" "-O3 -static" "-O2 -flto" "-Os -m32" "-O0 -m32 -fPIC"; do
		case $o in *-m32*)
			echo '#include <errno.h>' | $cc -m32 -idirafter "$sys" -x $x -E - >/dev/null 2>&1 &&
				echo 'int main(void){return 0;}' | $cc -m32 -x $x - -o m.bin 2>/dev/null && ./m.bin 2>/dev/null ||
				{ echo "skipped: $cc makes no 32-bit programs, or the kernel runs none"; continue; }
		esac
		for w in OURS THEIRS; do
			$cc -x $x $o -w -D$w -I"$here/include" -idirafter "$sys" \
				"$here/tests/usdt/sites.c" -o $w.bin || fails=$((fails + 1))
			./$w.bin || fails=$((fails + 1))
			notes $w.bin "$o" >$w.txt
		done
		if [ -s OURS.txt ] && cmp -s OURS.txt THEIRS.txt; then
			echo "ok: $cc $o"
		else
			echo "FAIL: $cc $o"; diff OURS.txt THEIRS.txt | head -6; fails=$((fails + 1))
		fi
	done
done

# The site is a 1-byte nop and a 10-byte nop, or a 1-byte nop alone.
cat >nop.c <<'E'
#include <usdt/sdt.h>
USDT_SEMAPHORE(app, on);
int main(void)
{
	USDT_PROBE(app, off);
	if (USDT_ENABLED(app, on))
		USDT_SEM_PROBE1(app, on, 3);
	return USDT_ENABLED(app, on);
}
E
bytes() { # of the first site
	off=$("$dump" $1 | sed -n '1s/.* off=0x\([0-9a-f]*\) .*/\1/p')
	od -An -v -tx1 -j $((0x$off)) -N 11 $1 | tr -d ' \n'
}
if [ "$(uname -m)" = x86_64 ]; then
	gcc -O0 -Wall -Werror -I"$here/include" nop.c -o nop.bin && ./nop.bin || fails=$((fails + 1))
	[ "$(bytes nop.bin)" = 90662e0f1f840000000000 ] || { echo "FAIL: nops"; fails=$((fails + 1)); }
	"$dump" nop.bin | grep -q ':on .* sem=0x[1-9a-f]' || { echo "FAIL: semaphore"; fails=$((fails + 1)); }
	gcc -O0 -DUSDT_PLAIN_NOP -I"$here/include" nop.c -o plain.bin
	case $(bytes plain.bin) in 90662e*) echo "FAIL: plain nop"; fails=$((fails + 1));; esac
fi
# No reader knows Intel's operand syntax: only probes without arguments compile.
if [ "$(uname -m)" = x86_64 ]; then
	printf '%s\n' '#include <usdt/sdt.h>' 'int main(void) { USDT_PROBE(app, none); return 0; }' >intel.c
	sed 's/PROBE(app, none)/PROBE1(app, one, 7)/' intel.c >one.c
	for cc in gcc clang; do
		command -v $cc >/dev/null || continue
		for o in "" "-O2" "-m32 -ffreestanding"; do
			$cc $o -masm=intel -Wall -Werror -I"$here/include" -c intel.c -o intel.o ||
				{ echo "FAIL: $cc $o -masm=intel"; fails=$((fails + 1)); }
			if $cc $o -masm=intel -I"$here/include" -c one.c -o one.o 2>log; then
				# clang before 14 ignores -masm in asm statements
				readelf -n one.o | grep -q 'Arguments: -4@\$7' ||
					{ echo "FAIL: $cc $o -masm=intel with arguments"; fails=$((fails + 1)); }
			else
				grep -q 'usdt/sdt.h: arguments of probes need AT&T syntax' log ||
					{ echo "FAIL: $cc $o -masm=intel says"; cat log; fails=$((fails + 1)); }
			fi
		done
	done
fi
# More than 8 bytes are a compile error; arrays of any size are pointers.
cat >wide.c <<'E'
#include <usdt/sdt.h>
struct wide { long a, b, c; } wide;
extern char wide_line[];
char wide_line[99];
int main(int argc, char **argv)
{
	char line[256] = "";
	double d = argc;

	USDT_PROBE5(app, fits, line, wide_line, argv[0], d, (long long)argc);
#ifdef WIDE
	USDT_PROBE2(app, wide, argc, WIDE);
#endif
	return 0;
}
E
for cc in gcc clang g++ clang++; do
	command -v $cc >/dev/null || continue
	case $cc in *++) x=c++;; *) x=c;; esac
	for o in -O0 -O2 "-O2 -flto"; do
		$cc -x $x $o -Wall -Wextra -Werror -I"$here/include" wide.c -o wide.bin ||
			{ echo "FAIL: $cc $o: arguments of 8 bytes"; fails=$((fails + 1)); }
		for wide in wide '(long double)argc' '(__int128)argc'; do
			if $cc -x $x $o "-DWIDE=$wide" -I"$here/include" wide.c -o wide.bin 2>log ||
				! grep -q 'more than 8 bytes' log ||
				{ [ "${o%-flto}" = "$o" ] && ! grep -q '^wide.c:12:' log; }; then
				echo "FAIL: $cc $o: $wide is refused"; head -3 log; fails=$((fails + 1))
			fi
		done
	done
done
gcc -DUSDT_DISABLE -Wall -Werror -I"$here/include" nop.c -o none.bin && [ -z "$("$dump" none.bin)" ] ||
	{ echo "FAIL: USDT_DISABLE"; fails=$((fails + 1)); }
[ $fails -eq 0 ]
