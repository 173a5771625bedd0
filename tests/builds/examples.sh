#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/builds/examples.sh BUILD: builds examples/build by CMake, Meson, Autotools and a plain
# Makefile, with the files that `make install` puts into a prefix. The program has its probes, and
# its header is made again only if a file that the provider file includes has changed.
# Ends with 'N passed, N failed, N skipped'.
set -u
build=${1:?usage: examples.sh BUILD}
build=$(cd "$build" && pwd) && top=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
tmp=$(mktemp -d /tmp/usdtkit-examples.XXXXXX) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "FAIL $*"; tail -n 5 "$tmp/log"; }
skip() { skipped=$((skipped + 1)); echo "SKIP $*"; }
try() { what=$1; shift; if "$@" >"$tmp/log" 2>&1 </dev/null; then ok; else bad "$what"; return 1; fi; }

# The prefix, filled by the install rules for the files that such builds need.
prefix=$tmp/prefix
mkdir -p "$prefix/bin" && cp "$build/dtrace" "$prefix/bin/" || exit 1
try "install" make -s -C "$build" DESTDIR= prefix="$prefix" install-usdtincludeHEADERS \
	install-dist_usdtcmakeDATA install-dist_usdtaclocalDATA || exit 1
sed "s|^prefix=.*|prefix=$prefix|; s|^bindir=.*|bindir=$prefix/bin|; s|^includedir=.*|includedir=$prefix/include|" \
	"$build/provider/usdt-sdt.pc" >"$prefix/usdt-sdt.pc"
export PKG_CONFIG_PATH=$prefix
# Builds must find files in the prefix, not by the environment.
unset CC CFLAGS CPPFLAGS DTRACE

# example NAME PROGRAM COMMAND…: COMMAND builds PROGRAM, which has its probes; then rebuilds it.
example() {
	local name=$1 app=$2
	shift 2
	try "$name: builds" "$@" || return
	try "$name: runs" "$app" /index
	[ "$(readelf -n "$app" | grep -c 'Provider: app')" = 2 ] && ok || bad "$name: its probes"
	readelf -SW "$app" | grep -q usdtkit.types && ok || bad "$name: another dtrace made it"
	local made; made=$(stat -c %Y.%y "$(dirname "$app")/app.h")
	try "$name: builds again" "$@"
	[ "$made" = "$(stat -c %Y.%y "$(dirname "$app")/app.h")" ] && ok || bad "$name: made again for nothing"
	sleep 1.1	# make and ninja may see file times in whole seconds
	sed -i 's/= 3/= 4/' "$src/limits.inc"
	try "$name: builds a third time" "$@"
	[ "$made" != "$(stat -c %Y.%y "$(dirname "$app")/app.h")" ] && ok || bad "$name: blind to an include"
}
copy() { src=$tmp/$1; cp -r "$top/examples/build" "$src" && chmod -R u+w "$src" && cd "$src"; }

if command -v cmake >/dev/null; then
	for g in "Unix Makefiles" Ninja; do
		[ "$g" != Ninja ] || command -v ninja >/dev/null || { skip "no ninja"; continue; }
		copy "cmake-${g%% *}"
		try "CMake, $g: configures" cmake -G "$g" -B out -DCMAKE_PREFIX_PATH="$prefix" &&
			example "CMake, $g" out/app cmake --build out
	done
else
	skip "CMake: no cmake"
fi
if command -v meson >/dev/null && command -v ninja >/dev/null; then
	copy meson
	try "Meson: configures" meson setup out && example "Meson" out/app ninja -C out
else
	skip "Meson: no meson or no ninja"
fi
if command -v autoreconf >/dev/null && command -v automake >/dev/null; then
	copy autotools
	try "Autotools: autoreconf" autoreconf -fi -I "$prefix/share/aclocal" &&
		mkdir out && cd out &&
		try "Autotools: configures" ../configure -q && cd .. &&
		example "Autotools" out/app make -s -C out
	cp -r "$top/examples/build" "$tmp/off" && cd "$src" && mkdir -p off && cd off &&
		{ ../configure -q --disable-usdt >"$tmp/log" 2>&1 && bad "Autotools: --disable-usdt" || ok; }
	cd "$src" && mkdir -p no && cd no && {
		DTRACE=/bin/false PKG_CONFIG_PATH= ../configure -q --enable-usdt >"$tmp/log" 2>&1
		grep -q 'needs a dtrace' "$tmp/log" && ok || bad "Autotools: --enable-usdt without dtrace"; }
else
	skip "Autotools: no autoreconf"
fi
copy make
printf 'app: app.c app.h\n\t$(CC) $$(pkg-config --cflags usdt-sdt) -o $@ app.c\napp.h: app.d\n\t$$(pkg-config --variable=dtrace usdt-sdt) -h -C -MD -MP -MF $@.dep -s app.d -o $@\n-include app.h.dep\n' >Makefile
example "make" ./app make -s
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
