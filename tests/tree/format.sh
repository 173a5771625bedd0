#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tests/tree/format.sh [-i]: checks that C files are as .clang-format says; -i: formats them.
# Leaves out both <…/sdt.h>, whose macros are assembler text, line by line.
cd "$(dirname "$0")/../.." || exit 1
how=${1:---dry-run}
files=$(find . -name '*.[ch]' -not -path './build/*' -not -path '*/sdt.h')
out=$(clang-format-14 $how -style=file $files 2>&1)
status=$?
bad=$(printf '%s\n' "$out" | sed -n 's/^\([^:]*\):[0-9]*:.*clang-format-violations.*/\1/p' | sort -u)
for f in $bad; do
	echo "FAIL $f: not as .clang-format says; tests/tree/format.sh -i mends it"
done
n=$(printf '%s' "$files" | grep -c '')
[ "$status" = 0 ] && [ "$n" -gt 0 ] || { echo "$out"; exit 1; }
[ "$how" = -i ] || { echo "$((n - $(echo $bad | wc -w))) passed, $(echo $bad | wc -w) failed, 0 skipped"; [ -z "$bad" ]; }
