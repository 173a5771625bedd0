#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tests/tree/quickstart.sh: runs the README's first command in this tree. It must build what is not
# built yet (warnings are errors), run the demonstration, and explain the output.
# Ends with 'N passed, N failed, N skipped'.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0
ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "FAIL $*"; }

out=$work/out
mkdir "$work/tmp"
export TMPDIR="$work/tmp"
if ./quickstart --enable-werror >"$out" 2>"$out.err" </dev/null; then ok; else bad "status $?"; fi
if [ ! -s "$out.err" ]; then ok; else bad "stderr: $(cat "$out.err")"; fi
shows() {	# times pattern
	n=$(grep -cE "$2" "$out")
	if [ "$n" = "$1" ]; then ok; else bad "$n lines, not $1: $2"; fi
}
shows 1 '^building \(log: '
shows 3 'Python method +fetch\(\)'
shows 2 'Ruby method +Object#fetch'
shows 5 'USDT request-start +request [1-5] for /'
shows 5 'USDT request-done +request [1-5], [0-9]+ bytes'
shows 5 'server +system call +write\(\) = [0-9]+ in [0-9]+ us'
shows 1 '^  Python +fetch +3$'
shows 1 '^  Ruby +fetch +2$'
shows 1 '^What you see: '
shows 1 '^Try: '
# Runs each suggested command, with 5 s shortened to 0.5 s.
sed -n 's/^ *\(Try:\)\{0,1\} *\(build\/main\/dtrace .*\)/\2/p' "$out" >"$out.err"
shows 2 '^ *(Try:)? *build/main/dtrace '
while read -r try; do
	if sh -c "$(echo "$try" | sed 's/tick-5s/tick-500ms/')" >/dev/null 2>&1 </dev/null; then ok; else bad "$try"; fi
done <"$out.err"
if [ -z "$(ls "$TMPDIR")" ]; then ok; else bad "left behind: $(ls "$TMPDIR")"; fi
[ "$failed" = 0 ] || tail -n 80 "$out"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
