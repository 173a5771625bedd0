#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tests/usdt/test_points.sh: probes made at run time, in builds that make does not make: for
# aarch64, run by qemu; by a process without rights; from several standards of C and from C++.
here=$(cd "${srcdir:-.}" && pwd)
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
cd "$here" || exit 99
fails=0 done=0
flags="-std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wconversion -Werror -I. -Iinclude"
made="usdt/image.c usdt/proto.c usdt/provider.c usdt/region.c"
read="arch/aarch64.c arch/arm_operand.c arch/operand.c arch/x86_64.c arch/x86_operand.c usdt/arg.c usdt/debug.c usdt/elf.c usdt/file.c usdt/maps.c usdt/note.c usdt/proc.c usdt/symbols.c usdt/types.c base/arena.c base/hash.c"
must() {	# what command…
	what=$1
	shift
	if timeout 60 "$@" >"$tmp/log" 2>&1; then
		done=$((done + 1)); echo "ok: $what"
	else
		fails=$((fails + 1)); echo "FAIL: $what"; tail -n 8 "$tmp/log"
	fi
}

must "fires builds" gcc $flags -o "$tmp/fires" tests/usdt/fires.c $made $read -pthread
must "fires" "$tmp/fires"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	must "fires without rights" setpriv --reuid=65534 --regid=65534 --clear-groups \
		--inh-caps=-all --bounding-set=-all "$tmp/fires"
fi
arm=aarch64-linux-gnu-gcc
if command -v $arm >/dev/null && command -v qemu-aarch64 >/dev/null; then
	must "aarch64 builds" $arm $flags -static -o "$tmp/arm" tests/usdt/fires.c $made $read
	must "aarch64" qemu-aarch64 "$tmp/arm"
	must "an unknown machine builds" $arm -mabi=ilp32 $flags -fsyntax-only usdt/image.c
else
	echo "SKIP: aarch64 (gcc-aarch64-linux-gnu, qemu-user)"
fi

# A program in C and C++ that uses every part of the header, compiled with the header alone.
cat >"$tmp/use.c" <<'C'
#include <usdt/usdt.h>
#include <usdt/sdt.h>
struct thing;
struct bits {
	int s : 5;
	unsigned long long u : 40;
};
#ifdef __cplusplus
#define NOTHING nullptr
#else
#define NOTHING ((void *)0)
#endif
static void function(void) {}
int main(int argc, char **argv)
{
	struct usdt_provider *app;
	struct usdt_point *point, *none, *odd;
	struct usdt_file *file;
	struct bits bits = { -3, 1ULL << 39 };
	const char *text = argv[0];
	volatile short small = -1;

	if (usdt_provider_new("app", &app) ||
	    usdt_provider_add(app, "p", "int, short, double, float, char *, struct thing *, void *, "
					"bool, unsigned char, long, uint64_t, char **", &point) ||
	    usdt_provider_add(app, "odd", "int, uint64_t, string, void *, string", &odd) ||
	    usdt_provider_add(app, "none", NULL, &none) || usdt_provider_enable(app))
		return 1;
	for (int i = 0; i < 2; i++) {
		usdt_fire(point, argc, small, 1.5, 2.5f, text, (struct thing *)0, (void *)argv,
			  (bool)true, (unsigned char)200, -1L, UINT64_MAX, argv);
		usdt_fire(odd, bits.s, bits.u, NOTHING, function, argv[0] ? "text" : NULL);
		usdt_fire(none);
		point->semaphore = odd->semaphore = none->semaphore = 1;
	}
	if (usdt_provider_remove(app, none) || usdt_provider_disable(app))
		return 2;
	usdt_provider_free(app);
	if (usdt_version() != USDT_VERSION || usdt_file_open("/proc/self/exe", &file))
		return 3;
	usdt_file_close(file);
	USDT_PROBE1(app, compiled, argc);
	return 0;
}
C
objects=
for f in $made $read; do
	o=$tmp/$(basename "$f" .c).o
	gcc $flags -c -o "$o" "$f" || fails=$((fails + 1))
	objects="$objects $o"
done
for cc in gcc clang; do
	command -v $cc >/dev/null || { echo "SKIP: no $cc"; continue; }
	echo '#include <usdt/usdt.h>' >"$tmp/alone.c"
	must "$cc -std=c99, the header alone" $cc -std=c99 -Wall -Wextra -pedantic -Werror -Iinclude \
		-fsyntax-only "$tmp/alone.c"
	must "$cc -std=gnu89, the header alone" $cc -std=gnu89 -Wall -Werror -Iinclude \
		-fsyntax-only "$tmp/alone.c"
	for std in c11 gnu17; do
		must "$cc -std=$std" $cc -std=$std -Wall -Wextra -Wconversion -pedantic -Werror -Iinclude \
			-o "$tmp/use" "$tmp/use.c" $objects -pthread
		must "$cc -std=$std runs" "$tmp/use"
	done
done
for cc in g++ clang++; do
	command -v $cc >/dev/null && echo 'int main(){}' | $cc -x c++ - -o "$tmp/any" 2>/dev/null ||
		{ echo "SKIP: no $cc"; continue; }
	must "$cc -std=c++98, the header alone" $cc -std=gnu++98 -Wall -Werror -Iinclude \
		-fsyntax-only -x c++ "$tmp/alone.c"
	must "$cc, the header alone, no cast of C's" $cc -std=c++11 -Wall -Wextra -Wold-style-cast \
		-Wsign-conversion -Werror -Iinclude -fsyntax-only -x c++ "$tmp/alone.c"
	for std in c++11 gnu++20; do
		must "$cc -std=$std" $cc -std=$std -Wall -Wextra -Werror -Iinclude -o "$tmp/use" \
			-x c++ "$tmp/use.c" -x none $objects -pthread
		must "$cc -std=$std runs" "$tmp/use"
	done
done
# A value that cannot be an argument is a compile error, not a wrong value.
for cc in gcc clang g++ clang++; do
	command -v $cc >/dev/null || continue
	case $cc in *++) lang=c++ ;; *) lang=c ;; esac
	for arg in 1.5L 'structure' '0,1,2,3,4,5,6,7,8,9,10,11,12'; do
		printf '%s\n' '#include <usdt/usdt.h>' 'struct s { int i; };' 'int f(struct usdt_point *p, struct s structure);' \
			"int f(struct usdt_point *p, struct s structure) { usdt_fire(p, $arg); return structure.i; }" \
			>"$tmp/no.c"
		must "$cc: no argument can be $arg" sh -c \
			"! $cc -Iinclude -fsyntax-only -x $lang '$tmp/no.c'"
	done
done
echo "$done passed, $fails failed"
[ $fails = 0 ]
