#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/provider/test_object.sh: dtrace -G with objects: probes read from the objects, messages, and
# an output object that links and works with each linker, compiler option and machine.
dtrace=$PWD/dtrace dump=$PWD/tests/usdt/dump
inc=$(cd "${srcdir:-.}" && pwd)/include
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
unset CC CFLAGS
fails=0
ok() { echo "ok: $1"; }
bad() { echo "FAIL: $1"; fails=$((fails + 1)); }
check() { what=$1; shift; if "$@" >log 2>&1; then ok "$what"; else bad "$what"; head -5 log; fi; }
same() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: got '$2', want '$3'"; fi; }
# says STATUS MESSAGE objects…: runs -G on app.d with these objects; a failure leaves no file
says() {
	local want=$1 text=$2 status
	shift 2
	rm -f out.o
	"$dtrace" -G -s app.d -o out.o "$@" >log 2>&1
	status=$?
	same "-G $*: status" $status "$want"
	same "-G $*" "$(cat log)" "$text"
	[ $status = 0 ] || same "-G $*: no object" "$(ls -A | grep -c 'out\.o')" 0
}

cat >app.d <<'E'
struct req;
provider app { probe hit(int, char *); probe asked(int); probe idle(); };
provider lib { probe in(struct req *r) : (struct req *r); };
E
"$dtrace" -h -s app.d || exit 1
cat >hit.c <<'E'
#include "app.h"
#ifdef __cplusplus
extern "C"
#endif
int helper(int n);
int main(int argc, char **argv)
{
	APP_HIT(argc, argv[0]);
	return helper(argc) != 1;
}
E
cat >helper.c <<'E'
#include "app.h"
#ifdef __cplusplus
extern "C"
#endif
int helper(int n);
int helper(int n)
{
	LIB_IN((void *)0);
	if (APP_ASKED_ENABLED())
		APP_ASKED(n);
	return n;
}
E
idle='dtrace: warning: no object uses these probes of provider app: idle'
lone='dtrace: warning: no object uses these probes of provider app: asked, idle
dtrace: warning: no object uses these probes of provider lib: in'
gcc -c hit.c helper.c || exit 1

says 0 "$idle" hit.o helper.o
says 0 "$lone" hit.o
says 0 ''	# without objects no message
printf '#include "app.h"\nint main(void) { return APP_IDLE_ENABLED(); }\n' >only.c && gcc -c only.c
says 0 'dtrace: warning: no object uses these probes of provider app: asked
dtrace: warning: no object uses these probes of provider lib: in' hit.o only.o

# ---- Probes that are not declared, or declared otherwise ----
fires() {	# name, before main, in main
	printf '#include <usdt/sdt.h>\n%s\nint main(void) { %s return 0; }\n' "$2" "$3" >$1.c
	gcc -I"$inc" -c $1.c || bad "$1.c"
}
fires undeclared "" 'USDT_PROBE(app, nowhere);'
undeclared='no such probe nowhere in provider app'
says 1 "dtrace: failed to link script app.d: undeclared.o: $undeclared" undeclared.o
fires arity "" 'USDT_PROBE1(app, hit, 1);'
arity='dtrace: failed to link script app.d: arity.o: probe hit of provider app has 1 argument, but is declared with 2'
says 1 "$arity" arity.o
fires more "" 'USDT_PROBE3(lib, in, 1, 2, 3);'
says 1 'dtrace: failed to link script app.d: more.o: probe in of provider lib has 3 arguments, but is declared with 1' more.o
fires enabled 'extern unsigned short app_gone_semaphore;' 'if (app_gone_semaphore) return 1;'
says 1 'dtrace: failed to link script app.d: enabled.o: no such probe gone in provider app (is-enabled)' enabled.o
fires other 'USDT_SEMAPHORE(app_two, x);' \
	'USDT_PROBE(alien, landed); if (USDT_ENABLED(app_two, x)) USDT_SEM_PROBE(app_two, x);'
says 0 "$lone" hit.o other.o
says 1 "dtrace: failed to link script app.d: undeclared.o: $undeclared
$arity" undeclared.o arity.o hit.o

# ---- The output among the objects, as in rules that name all: its old content does not count ----
says 0 "$idle" hit.o helper.o out.o
cp undeclared.o app.o
same "the output, by its default name, is not scanned" "$("$dtrace" -G -s app.d hit.o helper.o ./app.o 2>&1)" "$idle"
rm -f app.o

# ---- Files that are no objects, and objects of other machines ----
says 1 'dtrace: failed to open missing.o: No such file or directory' missing.o
says 0 'dtrace: warning: app.d is not an object file: left out' hit.o app.d
: >empty.o
says 0 'dtrace: warning: empty.o is not an object file: left out' empty.o
gcc hit.o helper.o -o whole
says 1 'dtrace: failed to link script app.d: whole: invalid object file type: not a relocatable object' whole
if gcc -m32 -c hit.c -o hit32.o 2>/dev/null && gcc -m32 -c helper.c -o helper32.o; then
	class='hit32.o: incorrect ELF class for object file: 32 bits, not 64'
	says 1 "dtrace: failed to link script app.d: $class" hit.o hit32.o
	says 1 "dtrace: failed to link script app.d: $class" -64 hit32.o
	says 0 "$idle" hit32.o helper32.o
	same "i386: the machine is the objects'" "$(readelf -h out.o | grep -c 'Intel 80386')" 1
	if echo 'int main(void) { return 0; }' | gcc -m32 -x c - -o m32 2>/dev/null && ./m32 2>/dev/null; then
		check "i386: links" gcc -m32 hit32.o helper32.o out.o -o bin32
		check "i386: runs" ./bin32
	else
		echo "skipped: no 32-bit programs run here"
	fi
else
	echo "skipped: no -m32"
fi
cross=aarch64-linux-gnu
if command -v $cross-gcc >/dev/null; then
	$cross-gcc -ffreestanding -c hit.c -o hit64.o && $cross-gcc -ffreestanding -c helper.c -o helper64.o
	says 1 'dtrace: failed to link script app.d: hit64.o: incorrect ELF machine type for object file: aarch64, not x86-64' hit.o hit64.o
	says 0 "$idle" hit64.o helper64.o
	same "aarch64: the machine is the objects'" "$(readelf -h out.o | grep -c AArch64)" 1
	CC=$cross-gcc "$dtrace" -G -s app.d -o cc.o
	check "aarch64: the machine is \$CC's" cmp cc.o out.o
	check "aarch64: links" $cross-ld -r hit64.o helper64.o out.o -o all64.o
	same "aarch64: no semaphore is missing" "$(readelf -sW all64.o | grep -c 'UND.*semaphore')" 0
else
	echo "skipped: no $cross-gcc"
fi
printf '\177ELF\2\1\1' >torn.o
timeout 10 "$dtrace" -G -s app.d -o out.o torn.o >log 2>&1
case $? in 0 | 1) ok torn.o ;; *) bad "torn.o: status $?" ;; esac
# A full disk or a killed compiler leaves a truncated object, which must be an error.
cut='not a readable object file: it has no sections'
head -c 200 hit.o >cut.o
says 1 "dtrace: failed to link script app.d: cut.o: $cut" cut.o helper.o
head -c -1 hit.o >cut.o
says 1 "dtrace: failed to link script app.d: cut.o: $cut" helper.o cut.o
ar rc libwhole.a helper.o hit.o && head -c -100 libwhole.a >libcut.a
says 1 "dtrace: failed to link script app.d: libcut.a(hit.o): $cut" libcut.a
head -c $(($(stat -c %s libwhole.a) - $(stat -c %s hit.o) - 30)) libwhole.a >libcut.a
says 1 'dtrace: failed to link script app.d: libcut.a: the archive is truncated' libcut.a
says 1 'dtrace: failed to read .: Is a directory' .
# Changes bytes of an object in turn: dtrace accepts or refuses, but never crashes or hangs.
ar rc libonly.a only.o
for f in only.o libonly.a; do
	size=$(stat -c %s $f) at=0
	while [ $at -lt "$size" ]; do
		cp $f fuzz.o && printf '\377' | dd of=fuzz.o bs=1 seek=$at conv=notrunc 2>/dev/null
		timeout 10 "$dtrace" -G -s app.d -o out.o fuzz.o >log 2>&1
		status=$?
		[ $status -le 1 ] || bad "byte $at of $f changed: status $status"
		at=$((at + 31 + at / 20))	# smaller steps in the headers, which come first
	done
done
ok "objects with a byte changed"

# ---- Archives, libtool's objects, -ffunction-sections, partial links, C++ ----
ar rc libapp.a helper.o hit.o
says 0 "$idle" libapp.a
ar rc libbad.a helper.o undeclared.o
says 1 "dtrace: failed to link script app.d: libbad.a(undeclared.o): $undeclared" libbad.a
mkdir sub && cp helper.o "sub/a helper of a name that no header of an archive holds.o"
ar rcT libthin.a hit.o sub/a*.o	# a thin archive holds only names of members
says 0 "$idle" libthin.a
same "-G and a thin archive of another folder" "$(cd sub && "$dtrace" -G -s ../app.d -o out.o ../libthin.a 2>&1)" \
	"$idle"
ar rcT libthinbad.a helper.o undeclared.o
says 1 "dtrace: failed to link script app.d: undeclared.o: $undeclared" libthinbad.a
cp undeclared.o away.o && ar rcT libthingone.a helper.o away.o && rm away.o
says 1 'dtrace: failed to open away.o: No such file or directory' libthingone.a
sed 's/^\/0 /\/9999 /' libthin.a >libthincut.a
says 1 'dtrace: failed to link script app.d: libthincut.a: the archive is damaged' libthincut.a
mkdir .libs && cp undeclared.o .libs/ && cp hit.o libtool.o
printf '# undeclared.lo - a libtool object file\npic_object='"'.libs/undeclared.o'\nnon_pic_object='libtool.o'\n" >x.lo
says 1 "dtrace: failed to link script app.d: .libs/undeclared.o: $undeclared" x.lo
gcc -ffunction-sections -fdata-sections -O2 -c hit.c -o hs.o && gcc -ffunction-sections -O2 -c helper.c -o helpers.o
says 0 "$idle" hs.o helpers.o
ld -r hit.o helper.o -o both.o
says 0 "$idle" both.o
g++ -x c++ -c hit.c -o hitpp.o && g++ -x c++ -c helper.c -o helperpp.o
says 0 "$idle" hitpp.o helperpp.o

# ---- Link-time optimisation ----
lto='is an object of link-time optimisation without machine code: its probes cannot be checked'
gcc -O2 -flto -fno-fat-lto-objects -c undeclared.c -I"$inc" -o slim.o
says 0 "dtrace: warning: slim.o $lto" slim.o
gcc -O2 -flto -ffat-lto-objects -c undeclared.c -I"$inc" -o fat.o
says 1 "dtrace: failed to link script app.d: fat.o: $undeclared" fat.o
if command -v clang >/dev/null; then
	clang -O2 -flto -c hit.c -o bitcode.o
	says 0 "dtrace: warning: bitcode.o $lto" bitcode.o helper.o
	ar rc libbit.a bitcode.o
	says 0 "dtrace: warning: libbit.a(bitcode.o) $lto" libbit.a
fi

# ---- Linkers ----
"$dtrace" -G -s app.d -o app.o hit.o helper.o 2>/dev/null
sites() { "$dump" "$1" | grep -c 'off=.* sem=0x[1-9a-f]'; }
for ld in bfd gold lld; do
	command -v ld.$ld >/dev/null || { echo "skipped: no ld.$ld"; continue; }
	for cc in gcc clang; do
		command -v $cc >/dev/null || { echo "skipped: no $cc"; continue; }
		for opt in "-O0" "-O2 -fPIC -pie" "-O2 -no-pie -fno-pie" "-O2 -static" \
			"-O2 -ffunction-sections -Wl,--gc-sections"; do
			{ $cc ${opt%-Wl*} -c hit.c -o h1.o && $cc ${opt%-Wl*} -c helper.c -o h2.o; } 2>log
			for order in "h1.o h2.o app.o" "app.o h1.o h2.o" "h1.o h2.o"; do
				rm -f bin
				if $cc -fuse-ld=$ld $opt $order -o bin 2>log && ./bin; then
					same "$ld $cc $opt $order" "$(sites bin)" 3
				else
					bad "$ld $cc $opt $order"; head -3 log
				fi
			done
		done
		$cc -O2 -fPIC -c hit.c -o h1.o && $cc -O2 -fPIC -c helper.c -o h2.o
		if $cc -fuse-ld=$ld -shared h2.o app.o -o libhelper.so 2>log &&
			$cc -fuse-ld=$ld h1.o -L. -lhelper -Wl,-rpath,. -o bin 2>>log && ./bin; then
			same "$ld $cc: in a shared library" "$(sites libhelper.so) $(sites bin)" "2 1"
		else
			bad "$ld $cc: shared library"; head -3 log
		fi
		rm -f libhelper.so libh.a && ar rc libh.a h2.o app.o
		if $cc -fuse-ld=$ld h1.o -L. -lh -o bin 2>log && ./bin; then
			same "$ld $cc: from a static library" "$(sites bin)" 3
		else
			bad "$ld $cc: static library"; head -3 log
		fi
	done
done

# --gc-sections: the link works, and the probe of a called function stays. The probe of an uncalled
# function stays with its function (bfd, gold), or both are dropped (lld). docs/builds.md.
cat >gc.c <<'E'
#include "app.h"
#ifdef __cplusplus
inline void counted(int n) { APP_ASKED(n); }
extern "C" {
#else
static void counted(int n) { (void)n; }
#endif
void used(int n), unused(int n);
void used(int n) { APP_HIT(n, (char *)0); counted(n); }
void unused(int n)
{
	__asm__ __volatile__(".space %c0" : : "n"(DEEP));	/* its address: about 0, or amid code */
	if (APP_IDLE_ENABLED())
		APP_IDLE();
	counted(n + 1);
}
#ifdef __cplusplus
}
#endif
E
cat >gcmain.c <<'E'
#ifdef __cplusplus
extern "C"
#endif
void used(int n);
int main(int argc, char **argv) { used(argc); return argv == 0; }
E
for ld in bfd gold lld; do
	command -v ld.$ld >/dev/null || { echo "skipped: no ld.$ld"; continue; }
	kept=idle; [ $ld = lld ] && kept=
	for cc in gcc clang g++ clang++; do
		command -v $cc >/dev/null || { echo "skipped: no $cc"; continue; }
		case $cc in *++) x=c++ asked=asked;; *) x=c asked=;; esac
		for variant in "1 -O0" "1 -O2 -static" "5800 -O2" "1000 -O2 -Wl,--no-rosegment"; do
			deep=${variant%% *} opt=${variant#* }
			case $ld$opt in lld*) ;; *rosegment) continue;; esac
			o="-x $x ${opt%-Wl*} -ffunction-sections -fdata-sections"
			rm -f gc libgc.a
			if $cc $o -DDEEP=$deep -c gc.c -o gc.o && $cc $o -c gcmain.c -o gcmain.o && ar rc libgc.a gc.o &&
				$cc $opt -fuse-ld=$ld -Wl,--gc-sections gcmain.o libgc.a -o gc 2>log && ./gc; then
				same "$ld $cc $opt: --gc-sections" \
					"$("$dump" gc | sed -n 's/^app:[^ ]*:\([a-z]*\) off=.*/\1/p' | sort -u | xargs)" \
					"$(echo $asked hit $kept)"
				same "$ld $cc $opt: nothing of it is linked" "$(readelf -SW gc | grep -c jcr.usdtkit)" 0
			else
				bad "$ld $cc $opt --gc-sections"; head -3 log
			fi
		done
	done
done

for cc in gcc clang; do
	ld=bfd; [ $cc = clang ] && ld=lld
	command -v $cc >/dev/null && command -v ld.$ld >/dev/null || { echo "skipped: no $cc with $ld"; continue; }
	if $cc -fuse-ld=$ld -O2 -flto hit.c helper.c app.o -o bin 2>log && ./bin; then
		same "$cc -flto" "$(sites bin)" 3
	else
		bad "$cc -flto"; head -3 log
	fi
done
g++ hitpp.o helperpp.o app.o -o bin && ./bin && same "C++" "$(sites bin)" 3 || bad "C++"
# A header over <sys/sdt.h>, as SystemTap makes: only the object defines the semaphores.
if echo '#include <sys/sdt.h>' | gcc -E -x c - >/dev/null 2>&1; then
	cat >stap.c <<'E'
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>
__extension__ extern unsigned short app_hit_semaphore __attribute__((section(".probes")));
int main(int argc, char **argv)
{
	DTRACE_PROBE2(app, hit, argc, argv);
	return app_hit_semaphore;
}
E
	gcc -c stap.c && "$dtrace" -G -s app.d -o stapapp.o stap.o 2>/dev/null
	check "objects that need the semaphores" gcc stap.o stapapp.o -o bin
	check "objects that need the semaphores run" ./bin
fi

# ---- Scripts without a provider: is -G there? ----
echo 'BEGIN{}' >ask.d
check "a script of clauses alone" "$dtrace" -G -s ask.d -o ask.o
check "its object links" gcc hit.o helper.o app.o ask.o -o bin
"$dtrace" -G -s app.d -o app.o -x linkmode=dynamic -xnolibs -Z -q -k -fPIC -m64 --types --no-pyparsing -xnoidea hit.o helper.o >log 2>&1
same "options of other DTraces" "$(cat log)" "dtrace: warning: unknown option: -x noidea
$idle"

# ---- 64 at once in one folder, 100 times ----
mkdir many && cd many && cp ../app.d ../hit.o ../helper.o . || exit 99
"$dtrace" -h -s app.d && "$dtrace" -G -s app.d -o app.o && mkdir want && cp app.h app.o want/
times=${GEN_TIMES:-100} n=0
while [ $n -lt "$times" ]; do
	rm -f app.h app.o log
	for i in $(seq 32); do
		"$dtrace" -h -s app.d 2>>log &
		"$dtrace" -G -s app.d -o app.o hit.o helper.o 2>>log &
	done
	wait
	! grep failed log && cmp app.h want/app.h && cmp app.o want/app.o || { bad "64 at once: round $n"; break; }
	[ "$(ls -A | tr '\n' ' ')" = "app.d app.h app.o helper.o hit.o log want " ] ||
		{ bad "64 at once left: $(ls -A)"; break; }
	n=$((n + 1))
done
same "64 at once in one folder, $times times" $n "$times"
cd ..

# ---- Output ----
says_of() { "$dtrace" "$@" 2>&1; }
mkdir folder
same "into a folder that is not there" "$(says_of -h -s app.d -o nowhere/app.h)" \
	'dtrace: failed to create nowhere/app.h: No such file or directory'
same "onto a folder" "$(says_of -h -s app.d -o folder)" 'dtrace: failed to create folder: Is a directory'
echo before >out.h && says_of -h -s app.d -o /dev/stdout >>out.h
same "onto standard output that appends to a file" "$(head -1 out.h; grep -c Generated out.h; ls -A | grep -c stdout)" \
	"before
1
0"
# As with compilers, an output link stays and its target is written; a file keeps its mode.
mkdir -p links/far
printf 'provider app { probe hit(int; };\n' >links/broken.d
(
	cd links
	touch far/r.h && chmod 640 far/r.h && ln -s far/r.h l.h && ln -s l.h ll.h
	ln -s "$PWD/far/abs.h" dangling.h && ln -s far/new.h relative.h && ln -s loop.h loop.h
	echo before >kept.h && chmod 600 kept.h && ln -s kept.h kept-link.h
)
for to in ll.h dangling.h relative.h; do
	same "onto the link $to" "$(says_of -h -s app.d -o links/$to)" ""
	check "onto the link $to: it is one" test -L links/$to
	check "onto the link $to: its target is written" grep -q 'Generated by' links/$to
done
check "onto a link: the one that it names is one" test -L links/l.h
same "onto a link: the target's mode" "$(stat -c %a links/far/r.h)" 640
same "onto a file: its mode" "$(says_of -h -s app.d -o links/far/r.h; stat -c %a links/far/r.h)" 640
same "onto a link to itself" "$(says_of -h -s app.d -o links/loop.h)" \
	'dtrace: failed to create links/loop.h: Too many levels of symbolic links'
"$dtrace" -h -s links/broken.d -o links/kept-link.h 2>log && bad "a broken script passes"
same "onto a link, a broken script: the target is as it was" \
	"$(cat links/kept.h; stat -c %a links/kept.h)" "before
600"
same "onto a link: no temporary file" "$(ls -A links links/far | grep -c tmp)" 0
same "-G onto a link" "$(ln -s far/o.o links/o.o; says_of -G -s app.d -o links/o.o; readelf -h links/far/o.o | grep -c REL)" 1
same "onto a full device" "$(says_of -h -s app.d -o /dev/full)" \
	'dtrace: failed to write /dev/full: No space left on device'
same "-G onto a full device" "$(says_of -G -s app.d -o /dev/full | grep -c '^dtrace: failed to write /dev/full')" 1
if mkdir full && mount -t tmpfs -o size=16k none full 2>/dev/null; then
	cp app.d full/ && head -c 8000 /dev/zero >full/fill
	(cd full && "$dtrace" -h -s app.d 2>../log)
	same "a full disk: status" $? 1
	same "a full disk" "$(cat log)" 'dtrace: failed to write app.h: No space left on device'
	head -c 8000 /dev/zero >>full/fill 2>/dev/null
	(cd full && "$dtrace" -G -s app.d 2>../log)
	same "-G on a full disk: status" $? 1
	same "-G on a full disk" "$(cat log)" 'dtrace: failed to write app.o: No space left on device'
	same "a full disk: nothing is left" "$(ls -A full | tr '\n' ' ')" "app.d fill "
	umount full
else
	echo "skipped: no tmpfs can be mounted"
fi
mkdir small
(ulimit -f 1; trap '' XFSZ; cd small && "$dtrace" -h -s ../app.d 2>../log)
same "a file that may not grow" "$(cat log)" 'dtrace: failed to write app.h: File too large'
same "a file that may not grow: nothing is left" "$(ls -A small | wc -l)" 0

# ---- Dependencies for make ----
mkdir deps && cd deps && mkdir inc && echo 'typedef int t;' >inc/t.h && echo '#include "inc/t.h"' >mid.h
printf '#include "mid.h"\nprovider app { probe a(t); };\n' >'a b.d' && cp 'a b.d' a.d
ours() { sed -e 's, /[^ ]*stdc-predef.h,,' -e '/stdc-predef/d'; }	# headers of the C library
# Several -s make a single program, with a header, an object and a rule for all files.
echo 'provider sev_one { probe x(int n); };' >one.d; echo 'provider sev_two { probe y(char *s); };' >two.d
"$dtrace" -h -s one.d -s two.d -o sev.h
check "-h of two files has the first" grep -q 'define SEV_ONE_X(' sev.h
check "-h of two files has the second" grep -q 'define SEV_TWO_Y(' sev.h
"$dtrace" -G -s one.d -s two.d -o sev.o; same "-G of two files" "$(nm sev.o | grep -c '_semaphore')" 2
same "-M of two files" "$("$dtrace" -h -s one.d -s two.d -o sev.h -M)" "sev.h: one.d two.d"
check "a provider declared in two files is refused" test "$("$dtrace" -h -s one.d -s one.d -o twice.h >/dev/null 2>&1; echo $?)" -ne 0
"$dtrace" -h -C -s a.d -MD; same "-MD" "$(ours <a.h.d)" "a.h: a.d mid.h inc/t.h"
"$dtrace" -h -C -s a.d -o a.h -MD -MF a.dep -MT 'tar get' -MP
same "-MF -MT -MP" "$(ours <a.dep | tr '\n' '|')" 'tar\ get: a.d mid.h inc/t.h|mid.h:|inc/t.h:|'
rm -f a.h; same "-M" "$("$dtrace" -h -C -s a.d -M | ours)" "a.h: a.d mid.h inc/t.h"
check "-M makes nothing else" test ! -e a.h
same "-M, characters that make knows" "$("$dtrace" -h -s 'a b.d' -M -MT 'x$y#z' -C | ours)" 'x$$y\#z: a\ b.d mid.h inc/t.h'
same "-G -M" "$("$dtrace" -G -C -s 'a b.d' -M | ours)" 'a\ b.o: a\ b.d mid.h inc/t.h'
same "-MF without a name" "$(says_of -h -s a.d -MF)" 'dtrace: -MF needs a name'
"$dtrace" -h -s missing.d -MD -o m.h 2>/dev/null
check "no dependencies of what failed" test ! -e m.h.d
printf 'a.h:\n\tcp a.d a.h\ninclude a.dep\n' >Makefile
"$dtrace" -h -C -s a.d -o a.h -MD -MP -MF a.dep && touch -d '1 hour ago' a.d mid.h inc/t.h
check "make finds the header up to date" make -q a.h
touch inc/t.h
make -q a.h 2>log && bad "make does not see what is included" || ok "make sees what is included"
rm inc/t.h
check "make goes on when an included header is gone (-MP)" make a.h
cd ..

[ $fails -eq 0 ]
