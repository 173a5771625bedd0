#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tests/tree/install.sh BUILD: `make install DESTDIR=…` of a finished build installs the right
# files, and other programs build with them by pkg-config alone.
# Ends with 'N passed, N failed, N skipped'.
set -u
build=${1:?usage: install.sh BUILD}
build=$(cd "$build" && pwd) || exit 1
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
root=$(mktemp -d /tmp/usdtkit-install.XXXXXX) || exit 1
trap 'rm -rf "$root"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0
ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "FAIL $*"; }
try() {	# what command…
	what=$1
	shift
	if "$@" >"$root/log" 2>&1; then ok; else tail -n 5 "$root/log"; bad "$what"; fi
}
prefix=$(sed -n 's/^prefix = //p' "$build/Makefile")

try "make install" make -s -C "$build" install DESTDIR="$root"
for f in bin/dtrace bin/usdt-check lib/libusdt.so lib/libusdt.so.0 lib/libusdt.a lib/libusdt-read.so lib/libusdt-read.so.0 lib/libusdt-read.a \
	lib/pkgconfig/usdt.pc lib/pkgconfig/usdt-read.pc include/usdt/usdt.h include/usdt/sdt.h \
	lib/pkgconfig/usdt-sdt.pc lib/cmake/usdt/usdt-config.cmake share/aclocal/ax_usdt.m4 \
	share/man/man1/dtrace.1 share/man/man1/usdt-check.1 share/man/man3/libusdt.3 \
	lib/libusdt-consumer.so lib/libusdt-consumer.so.0 lib/libusdt-consumer.a \
	lib/pkgconfig/usdt-consumer.pc include/usdt/consumer.h share/man/man3/libusdt-consumer.3; do
	try "$f is not installed" test -e "$root$prefix/$f"
done
# Headers of rooms and convenience libraries must not be installed.
extra=$(cd "$root$prefix" && find . -name '*.h' ! -path './include/usdt/*' -o -name 'libd.*' \
	-o -name 'libbase.*' -o -name 'librun.*' -o -name 'libcc.*' -o -name 'libprovider.*')
if [ -z "$extra" ]; then ok; else bad "installed and should not be:" $extra; fi
for lib in libusdt libusdt-read libusdt-consumer; do
	so=$root$prefix/lib/$lib.so
	if nm -D --defined-only "$so" | awk '$2 ~ /[A-Z]/ && $2 != "A" { print $3 }' |
		grep -v '^usdt_' >"$root/log"; then
		bad "$lib exports more than usdt_*:" $(cat "$root/log")
	else
		ok
	fi
	# The static library exports the same names, and no internal name that could clash.
	nm -D --defined-only "$so" | sed -n 's/.* \(usdt_.*\)@@.*/\1/p' | sort -u >"$root/shared.syms"
	nm -g --defined-only "$root$prefix/lib/$lib.a" | awk 'NF == 3 { print $3 }' | sort -u >"$root/static.syms"
	try "$lib.a gives out other symbols than $lib.so" diff "$root/shared.syms" "$root/static.syms"
	[ -s "$root/static.syms" ] && ok || bad "$lib.a gives out nothing"
	try "$lib's symbols have no version" sh -c "nm -D --defined-only '$so' | grep -q '@@USDT_'"
done
needs=$(readelf -d "$root$prefix/lib/libusdt.so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
if [ "$needs" = libc.so.6 ]; then ok; else bad "libusdt needs" $needs; fi
# Each declared function must be in one of the two libraries.
missing=$(sed -n 's/^[a-z].*[ *]\(usdt_[a-z_]*\)(.*);.*/\1/p' "$root$prefix/include/usdt/usdt.h" | sort -u |
	while read -r f; do
		nm -D --defined-only "$root$prefix"/lib/libusdt*.so | grep -q " $f@@" || echo "$f"; done)
if [ -z "$missing" ]; then ok; else bad "declared and in no library:" $missing; fi

cd "$root" || exit 1
cat >app.c <<'C'
#include <usdt/sdt.h>
#include <usdt/usdt.h>
#include <stdio.h>
#include <string.h>

/* Its object is a file that the other library reads. */
static int made_at_run_time(void)
{
	struct usdt_provider *p;
	struct usdt_point *point;
	struct usdt_file *f = NULL;
	const uint64_t words[] = { 1 };
	int fd, bad;

	if (usdt_provider_new("stranger", &p) || usdt_provider_add(p, "made", "int n", &point) ||
	    usdt_provider_enable(p))
		return 1;
	usdt_fire(point, 1);
	usdt_point_fire(point, words);
	for (fd = 3; fd < 20; fd++) {
		if (usdt_file_open_fd(fd, NULL, &f) == 0 && usdt_file_nprobes(f) == 1)
			break;
		usdt_file_close(f);
		f = NULL;
	}
	bad = !f || strcmp(usdt_probe_name(usdt_file_probe(f, 0)), "made") ||
	      strcmp(usdt_types_arg_name(usdt_probe_types(usdt_file_probe(f, 0)), 0), "n");
	usdt_file_close(f);
	usdt_provider_free(p);
	return bad;
}

int main(int argc, char **argv)
{
	struct usdt_file *f;
	int found = 0;

	USDT_SITE
	if (made_at_run_time())
		return 3;
	if (usdt_file_open(argc > 1 ? argv[1] : "/proc/self/exe", &f))
		return 2;
	for (size_t i = 0; i < usdt_file_nprobes(f); i++)
		found += !strcmp(usdt_probe_provider(usdt_file_probe(f, i)), "stranger") &&
			 !strcmp(usdt_probe_name(usdt_file_probe(f, i)), "hello-world");
	usdt_file_close(f);
	printf("%d\n", found);
	return found != 1;
}
C
sed -i 's/USDT_SITE/USDT_PROBE1(stranger, hello__world, argc);/' app.c
export PKG_CONFIG_PATH="$root$prefix/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
for cc in gcc clang; do
	command -v $cc >/dev/null || continue
	try "$cc: shared" sh -c "$cc -Wall -Werror -o shared app.c $(pkg-config --cflags --libs usdt usdt-read)"
	try "$cc: shared runs" env LD_LIBRARY_PATH="$root$prefix/lib" ./shared
	try "$cc: static" sh -c "$cc -static -o static app.c $(pkg-config --static --cflags --libs usdt usdt-read)"
	try "$cc: static runs" ./static
done
try "C++" sh -c "g++ -Wall -Werror -x c++ -o cxx app.c $(pkg-config --cflags --libs usdt usdt-read)"
try "C++ runs" env LD_LIBRARY_PATH="$root$prefix/lib" ./cxx

# The consumer: the example, unchanged; as C++; and a program with names that we use internally.
cp "$top/examples/consumer/calls.c" calls.c
printf '%s\n' 'int hash_get(void); int hash_get(void) { __builtin_trap(); }' \
	'int text_new(void); int text_new(void) { __builtin_trap(); }' >>calls.c
run_calls() { LD_LIBRARY_PATH="$root$prefix/lib" "./$1" 'true' | grep -q '^ *1\.  *[0-9]'; }
flags=$(pkg-config --cflags --libs usdt-consumer)
try "consumer, shared" sh -c "cc -Wall -Werror -o calls calls.c $flags"
try "consumer, shared, runs" run_calls calls
try "consumer, static" sh -c "cc -static -o calls-static calls.c $(pkg-config --static --cflags --libs usdt-consumer)"
try "consumer, static, runs" run_calls calls-static
sed '/hash_get\|text_new/d' calls.c >calls.cc
try "consumer, C++" sh -c "g++ -Wall -Werror -o calls-cxx calls.cc $flags"
try "consumer, C++, runs" run_calls calls-cxx
try "dtrace runs where it is installed" "$root$prefix/bin/dtrace" -V
printf 'provider stranger { probe hello__world(int); };\n' >p.d
try "dtrace -h where it is installed" "$root$prefix/bin/dtrace" -h -s p.d -o p.h
try "make uninstall" make -s -C "$build" uninstall DESTDIR="$root"
left=$(find "$root$prefix" ! -type d 2>/dev/null)
if [ -z "$left" ]; then ok; else bad "left by make uninstall:" $left; fi
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
