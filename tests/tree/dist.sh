#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tests/tree/dist.sh BUILD: `make dist` in the build folder makes a tarball that holds every file
# of the tree and builds by itself, in another folder, from sources that cannot be written.
# Ends with 'N passed, N failed, N skipped'.
set -u
build=${1:?usage: dist.sh BUILD}
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
tmp=$(mktemp -d /tmp/usdtkit-dist.XXXXXX) || exit 1
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "FAIL $*"; }
finish() { echo "$passed passed, $failed failed, $skipped skipped"; [ $failed = 0 ]; exit; }

make -s -C "$build" distdir distdir="$tmp/src" >"$tmp/log" 2>&1 ||
	{ tail -n 5 "$tmp/log"; bad "make distdir"; finish; }
ok

# All files in git, except files that only git and its host use.
if (cd "$top" && git ls-files >"$tmp/want") 2>/dev/null && [ -s "$tmp/want" ]; then
	missing=$(grep -vE '^(\.ci/|\.gitignore$|.*/\.gitignore$)' "$tmp/want" | while read -r f; do
		[ -e "$tmp/src/$f" ] || echo "$f"; done)
	if [ -z "$missing" ]; then ok; else bad "not in the tarball:" $missing; fi
else
	skipped=$((skipped + 1)); echo "SKIP no git history to compare with"
fi

left=$(find "$tmp/src" -name '__pycache__' -o -name '*.o' -o -name '*.la' -o -name '*~')
if [ -z "$left" ]; then ok; else bad "left over in the tarball:" $left; fi

chmod -R a-w "$tmp/src"
mkdir "$tmp/b" && cd "$tmp/b" || exit 1
if "$tmp/src/configure" -q >"$tmp/log" 2>&1 &&
	make -s -j2 libd.la libusdt-read.la libprovider.la tests/d/test_type >>"$tmp/log" 2>&1 &&
	(cd "$tmp/b" && srcdir="$tmp/src" ./tests/d/test_type) >>"$tmp/log" 2>&1; then
	ok
else
	tail -n 10 "$tmp/log"; bad "the tarball does not build"
fi
finish
