#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tests/provider/test_gen.sh: compiles, links and runs generated headers and objects, reads notes.
gen=$PWD/tests/provider/gen dump=$PWD/tests/usdt/dump
inc=$(cd "${srcdir:-.}" && pwd)/include
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
fails=0
ok() { echo "ok: $1"; }
bad() { echo "FAIL: $1"; fails=$((fails + 1)); }
check() { what=$1; shift; if "$@" >log 2>&1; then ok "$what"; else bad "$what"; head -5 log; fi; }
same() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: got '$2', want '$3'"; fi; }

cat >app.d <<'E'
struct req { int id; };
typedef unsigned int myid_t;
provider app {
	probe start();
	probe request__start(int id, char *url, struct req *r);
	probe hit(long, char *);
	probe xl(myid_t id, char *s) : (string s, int id);
};
#pragma D attributes Evolving/Evolving/Common provider app provider
E
cat >app.c <<'E'
#include "app.h"
int main(int argc, char **argv)
{
	unsigned id = 7;

	APP_START();
	APP_REQUEST_START(argc, argv[0], 0);
	APP_HIT(5L, argv[0]);
	if (APP_XL_ENABLED()) {
		APP_XL(id, argv[0]);
		return 3;
	}
	return 0;
}
E
cat >two.c <<'E'
#include "app.h"
int two(int n);
int two(int n)
{
	APP_HIT(n, 0);
	return APP_HIT_ENABLED();
}
E

check "header is made" "$gen" -h -s app.d
check "object is made" "$gen" -G -s app.d
check "i386 object is made" "$gen" -G -32 -s app.d -o app32.o
cp app.o first.o; "$gen" -G -s app.d; check "object is the same each time" cmp app.o first.o

# The text of the type note, which header and object must both give.
types='  types [int|id] [char *|url] [struct req *|r] -> [int|id=0] [char *|url=1] [struct req *|r=2]'
xl='  types [myid_t|id] [char *|s] -> [string|s=1] [int|id=0] attr 5/5/5'

one() {	# compiler, language, options, object
	rm -f a.bin
	if ! $1 -x $2 $3 -Wall -Wextra -Werror app.c two.c -x none $4 -o a.bin 2>log; then
		bad "$1 $3 $4"; head -5 log; return
	fi
	./a.bin || { bad "$1 $3 $4: probes are on with nobody there"; return; }
	"$dump" a.bin >dump.txt
	n=$(grep -c '^app:[^ ]* off=' dump.txt)
	[ "$n" -ge 4 ] && ! grep -q 'off=.* sem=0x0/' dump.txt && grep -qF "$types" dump.txt &&
		grep -qF "$xl" dump.txt && grep -q 'request-start.* args="-4@[^ ]* 8*4*@[^ ]* ' dump.txt
	if [ $? -ne 0 ]; then bad "$1 $3 $4: what is read back"; cat dump.txt; return; fi
	strip a.bin
	[ "$("$dump" a.bin | grep -c '^  types')" = 4 ] || { bad "$1 $3 $4: types after strip"; return; }
	ok "$1 $3 $4"
}
for cc in gcc clang g++ clang++; do
	command -v $cc >/dev/null || { echo "skipped: no $cc"; continue; }
	case $cc in *++) x=c++ w=-Wold-style-cast;; *) x=c w=-Wstrict-prototypes;; esac
	for o in -O0 -O2 "-O2 -fPIC" "-O3 -static" "-O2 -flto" "-O2 -ffunction-sections -Wl,--gc-sections"; do
		one $cc $x "$o $w" ""
		one $cc $x "$o $w" app.o
	done
	if echo 'int main(void){return 0;}' | $cc -m32 -x $x - -o m32.bin 2>/dev/null && ./m32.bin 2>/dev/null; then
		one $cc $x "-O2 -m32 -idirafter /usr/include/x86_64-linux-gnu $w" app32.o
	else
		echo "skipped: $cc makes no 32-bit programs, or the kernel runs none"
	fi
done
for cc in gcc clang; do
	command -v $cc >/dev/null || continue
	for std in c89 c99 c11; do
		check "$cc -std=$std -pedantic" $cc -std=$std -pedantic -Wall -Wextra -Wundef -Wshadow \
			-Werror app.c -o a.bin
	done
done

# Counting up a semaphore enables its own probe only.
cat >on.c <<'E'
#include "app.h"
int main(void)
{
	volatile unsigned short *sem = &app_xl_semaphore;
	++*sem;
	return !(APP_XL_ENABLED() && !APP_HIT_ENABLED());
}
E
check "semaphore counts" gcc -O2 on.c -o on.bin
check "semaphore switches its probe" ./on.bin

# On <sys/sdt.h>, where that is installed.
if echo '#include <sys/sdt.h>' | gcc -E -x c - >/dev/null 2>&1; then
	mkdir sys && "$gen" -h -s app.d -xsdt -o sys/app.h && cp app.c sys/
	check "header on sys/sdt.h compiles" gcc -O2 -Wall -Werror sys/app.c -o sys.bin
	gcc -O0 app.c -o a.bin && gcc -O0 sys/app.c -o sys.bin
	for f in a sys; do "$dump" $f.bin | sed 's/ off=.*args/ args/' >$f.txt; done
	check "both give the same notes" cmp a.txt sys.txt
fi

# Off Linux the header compiles to nothing.
check "off Linux" gcc -U__linux__ -O2 -Wall -Wno-unused -Wno-error app.c -o off.bin
same "off Linux there is no site" "$("$dump" off.bin)" ""

# Edits by projects.
sed -e '/^#define[ 	]*APP_[A-Z_]*(.*)/y/ABCDEFGHIJKLMNOPQRSTUVWXYZ/abcdefghijklmnopqrstuvwxyz/' app.h >lower.h
cat >lower.c <<'E'
#include "lower.h"
int main(void) { app_hit(1L, "x"); return app_xl_enabled(); }
E
check "lower-cased macros" gcc -Wall -Werror lower.c -o a.bin
check "lower-cased macros run" ./a.bin
mkdir edit && sed -e 's/APP_/TRACE_APP_/g' app.h >edit/app.h && sed 's/APP_/TRACE_APP_/g' app.c >edit/app.c
check "renamed prefix" gcc -Wall -Werror edit/app.c -o a.bin
sed -e 's/char \*/const char */g' app.h >edit/app.h && cp app.c edit/
check "const before char" gcc -Wall -Werror edit/app.c -o a.bin
same "const is in the types" "$("$dump" a.bin | grep -c 'const char \*|url')" 1
sed -e 's,define STAP_HAS_SEMAPHORES 1,undef STAP_HAS_SEMAPHORES,' \
	-e 's,define _SDT_HAS_SEMAPHORES 1,undef _SDT_HAS_SEMAPHORES,' app.h >edit/app.h
check "semaphores undefined" gcc -Wall -Werror edit/app.c -o a.bin
same "no site has a semaphore then" "$("$dump" a.bin | grep off= | grep -vc 'sem=0x0/0x0')" 0
sed -e 's/if _DTRACE_VERSION/ifdef INCLUDE_DTRACE/' app.h >edit/app.h
check "made conditional" gcc -Wall -Wno-unused edit/app.c -o a.bin
same "condition is off" "$("$dump" a.bin)" ""

# Undeclared probes in objects: after an error the output file is unchanged.
echo "#include <usdt/sdt.h>
int main(void) { USDT_PROBE(app, nowhere); return 0; }" >stray.c
gcc -I"$inc" -c stray.c
"$gen" -G -s app.d stray.o 2>err && bad "undeclared probe passes"
same "undeclared probe" "$(cat err)" "dtrace: failed to link script app.d: stray.o: no such probe nowhere in provider app"
gcc -c app.c -o good.o
check "declared probes pass" "$gen" -G -s app.d good.o
"$gen" -G -s app.d missing.o 2>err && bad "missing object passes"
same "missing object" "$(cat err)" "dtrace: failed to open missing.o: No such file or directory"

cp app.h before.h
echo 'provider app { probe hit(int; };' >broken.d
"$gen" -h -s broken.d -o app.h 2>err && bad "broken script passes"
check "place in the error" grep -q '^broken.d:1:[0-9]*: ' err
check "output is as it was" cmp app.h before.h
same "no temporary file" "$(ls | grep -c tmp)" 0
echo 'provider app { probe p(int,int,int,int,int,int,int,int,int,int,int,int,int); };' >many.d
"$gen" -h -s many.d 2>err && bad "13 arguments pass"
check "13 arguments" grep -q '^many.d:1:22: .*13 arguments; at most 12' err
echo 'provider app { probe a__b(); probe a_b(); };' >twin.d
"$gen" -h -s twin.d 2>err && bad "two probes with one macro pass"
check "two probes with one macro" grep -q 'the same macro, APP_A_B' err
"$gen" -h -s none.d 2>err && bad "missing script passes"
same "missing script" "$(cat err)" "dtrace: failed to open none.d: No such file or directory"

# Preprocessing, standard input and output.
printf '#!/usr/sbin/dtrace -s\n#include "more.h"\nprovider app { probe p(T); };\n' >c.d
echo '#define T long' >more.h
check "-C" "$gen" -h -C -s c.d -o c.h
check "-C expands" grep -q 'asciz \\"long\\"' c.h
printf '\n#error no\n' >e.d
"$gen" -h -C -s e.d 2>err && bad "#error passes"
check "-C shows the reason" grep -q '^dtrace: failed to preprocess e.d: e.d:2:.*no' err
same "header to standard output" "$("$gen" -h -s - -o - <app.d | grep -c '^#define APP_HIT(')" 3
"$gen" -h -s - <app.d 2>err && bad "no name for the output passes"
same "no name for the output" "$(cat err)" "dtrace: -o is needed with a script from standard input"

[ $fails -eq 0 ]
