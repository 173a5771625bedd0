#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/provider/test_edits.sh: edits that projects make in a generated header.
# After each edit the probes compile, are found with their arguments, are reached if the semaphore
# counts, and fire with the passed values.
dtrace=$PWD/dtrace dump=$PWD/tests/usdt/dump asserts=$PWD/usdt-check
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
fails=0
ok() { echo "ok: $1"; }
bad() { echo "FAIL: $1"; fails=$((fails + 1)); }
same() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: got '$2', want '$3'"; fi; }

cat >shop.d <<'E'
provider shop {
	probe open(int shop, char *name);
	probe item__sold(char * name, char *buyer, int64_t price);
	probe close();
};
#pragma D attributes Evolving/Evolving/Common provider shop provider
E
"$dtrace" -h -s shop.d || exit 1
echo 'shop:open -4 8
shop:item-sold 8 8 -8
shop:close' >want

# project WHO PREFIX SEMAPHORES compiler…: uses the edited shop.h, by macros with PREFIX.
project() {
	local who=$1 p=$2 sems=$3 cc
	shift 3
	cat >use.c <<E
#include "edited.h"
static const char *const who = "reader", *name = "corner";
static long long price = 42;
int main(int argc, char **argv)
{
	int n = 0;

	(void)argv;
	${p}${OPEN:-OPEN}(argc, (${CAST-}name));
	if (${p}${ITEM:-ITEM_SOLD}${EN:-_ENABLED}()) {
		n++;
		${p}${ITEM:-ITEM_SOLD}((${CAST-}name), (${CAST-}who), price);
	}
	${p}${CLOSE:-CLOSE}();
	return n;
}
E
	for cc in "${@:-gcc}"; do
		rm -f use
		if ! $cc -O1 -Wall -Wextra -Werror use.c -o use 2>log; then
			bad "$who: $cc"; head -4 log; return
		fi
		./use; local status=$?
		# A semaphore of 0 skips the guarded probe; without semaphores the guard is true.
		same "$who: $cc: is-enabled" $status $((!sems))
		"$dump" use | sed -n 's/^\(shop:\)[^:]*:\([^ ]*\) off.* args="\([^"]*\)".*/\1\2 \3/p' |
			sed 's/@[^ ]*//g; s/ *$//' >got
		if diff <(sort got) <(sort want) >log; then ok "$who: $cc: notes"; else bad "$who: $cc: notes"; cat log; fi
		same "$who: $cc: semaphores" "$("$dump" use | grep -c 'off=.* sem=0x[1-9a-f]')" $((sems * 3))
		sed 's/return n;/return 0;/' use.c >fire.c
		$cc -O1 fire.c -o fire 2>log && "$asserts" -e 'shop:::open count==1 && arg0==2' \
			-e 'shop:::item-sold count==1 && arg2==42' -e 'shop:::close count==1' -- ./fire x >log 2>&1 &&
			ok "$who: $cc: fires" || { bad "$who: $cc: fires"; cat log; }
		[ $sems = 1 ] || continue
		# The semaphore is counted up, as by a tracer: the guarded probe is reached.
		sed 's/int n = 0;/int n = 0; ++*(volatile unsigned short *)\&shop_item__sold_semaphore;/' use.c >on.c
		$cc -O1 -Wall -Wextra -Werror on.c -o on 2>log && { ./on; same "$who: $cc: switched on" $? 1; } ||
			{ bad "$who: $cc: on"; head -4 log; }
	done
}

cp shop.h edited.h
project "no edit" SHOP_ 1 gcc clang g++

# Erlang: lines that define macros become lower case; calls use lower-case names.
sed -e '/^#define[[:space:]]*SHOP_[A-Z_]*(.*)/y/ABCDEFGHIJKLMNOPQRSTUVWXYZ/abcdefghijklmnopqrstuvwxyz/' shop.h >edited.h
OPEN=open ITEM=item_sold CLOSE=close EN=_enabled project "Erlang: lower case" shop_ 1 gcc g++

# Ruby: a longer prefix, a guard of its own, const before the pointers of argument lists.
sed -e 's/SHOP_/SHOP_DTRACE_/g' -e 's/PROBES_H_TMP/SHOP_PROBES_H/' -e 's/(char \*/(const char */g' \
	-e 's/, char \*/, const char */g' shop.h >edited.h
project "Ruby: prefix and const" SHOP_DTRACE_ 1 gcc g++

# PHP: one prefix for another.
sed -e 's,SHOP_,DTRACE_,g' shop.h >edited.h
project "PHP: prefix" DTRACE_ 1 gcc clang

# PostgreSQL: a prefix in front, and a comment line about it.
sed -e 's/SHOP_/TRACE_SHOP_/g' -e '1i /* edited */' shop.h >edited.h
project "PostgreSQL: prefix" TRACE_SHOP_ 1 gcc clang

# FreeSWITCH: a prefix in front of macro names only.
sed -e 's/define SHOP_/define FS_SHOP_/' shop.h >edited.h
project "FreeSWITCH: prefix" FS_SHOP_ 1 gcc

# Names of many parts, five pointers, a blank line first.
cat >phone.d <<'E'

provider phone {
        probe line__state__change(void *line, const char *id, const char *name, const char *old, const char *now);
        probe line__running__state__change(void *line, const char *id, const char *name, const char *old, const char *now);
};
E
cat >phone.c <<'E'
#include "edited.h"
int main(void)
{
	FS_PHONE_LINE_STATE_CHANGE(0, "7", "desk", "free", "busy");
	FS_PHONE_LINE_RUNNING_STATE_CHANGE((void *)8, "7", "desk", "busy", "free");
	return 0;
}
E
"$dtrace" -h -s phone.d && sed -e 's/define PHONE_/define FS_PHONE_/' phone.h >edited.h
for cc in gcc clang g++; do
	$cc -O2 -Wall -Wextra -Werror phone.c -o phone 2>log && "$asserts" \
		-e 'phone:::line-state-change count==1 && arg0==0 && copyinstr(arg4)=="busy"' \
		-e 'phone:::line-running-state-change count==1 && arg0==8 && copyinstr(arg4)=="free"' -- ./phone >log 2>&1 &&
		ok "FreeSWITCH: names of many parts: $cc" || { bad "FreeSWITCH: names of many parts: $cc"; cat log; }
done

# Xen: no edit, but -C with types of system headers, nameless arguments, no -o for header and
# object, and -G with objects.
cat >store_probes.d <<'E'
/* A comment; -C takes what follows. */
#include <sys/types.h>

provider store {
	/* transaction, domain, process, kind, text */
	probe msg(uint32_t, unsigned int, pid_t, int, const char *);
	probe watch_event(unsigned int, pid_t, const char *);
};

#pragma D attributes Evolving/Evolving/Common provider store provider
#pragma D attributes Private/Private/Unknown provider store module
#pragma D attributes Private/Private/Unknown provider store function
#pragma D attributes Evolving/Evolving/Common provider store name
#pragma D attributes Evolving/Evolving/Common provider store args
E
cat >store.c <<'E'
#include <sys/types.h>
#include <stdint.h>
#include "store_probes.h"
int main(void)
{
	uint32_t id = 0xfffffff7u;
	pid_t pid = -2;

	if (STORE_MSG_ENABLED())
		STORE_MSG(id, 3u, pid, 4, "mangled");
	STORE_WATCH_EVENT(3u, pid, "watched");
	return 0;
}
E
if "$dtrace" -C -h -s store_probes.d && gcc -O2 -Wall -Wextra -Werror -c store.c &&
	"$dtrace" -C -G -s store_probes.d store.o && gcc store.o store_probes.o -o store; then
	"$asserts" -e 'store:::msg count==1 && arg0==0xfffffff7 && arg2==-2 && copyinstr(arg4)=="mangled"' \
		-e 'store:::watch_event count==1 && arg1==-2 && copyinstr(arg2)=="watched"' -- ./store >log 2>&1 &&
		ok "Xen: fires" || { bad "Xen: fires"; cat log; }
	same "Xen: types" "$("$dump" store | grep -cF 'types [uint32_t|] [unsigned int|] [pid_t|] [int|] [const char *|]')" 1
	same "Xen: attributes" "$("$dump" store | grep -o ' attr .*' | sort -u)" " attr 5/5/5 1/1/0 1/1/0 5/5/5 5/5/5"
else
	bad "Xen: builds"
fi

# glib: no semaphores.
sed -e 's,define STAP_HAS_SEMAPHORES 1,undef STAP_HAS_SEMAPHORES,' \
	-e 's,define _SDT_HAS_SEMAPHORES 1,undef _SDT_HAS_SEMAPHORES,' shop.h >edited.h
project "glib: no semaphores" SHOP_ 0 gcc clang g++

# memcached: const before every char *.
sed -e 's/char \*/const char \*/g' -e 's/char \* /const char \* /g' shop.h >edited.h
project "memcached: const" SHOP_ 1 gcc clang g++
same "memcached: const is in the types" "$("$dump" use | grep -c '\[const .*char \*|buyer\]')" 1

# SpiderMonkey: the header only where the build says so.
sed -e 's/if _DTRACE_VERSION/ifdef INCLUDE_SHOP_DTRACE/' shop.h >edited.h
project "SpiderMonkey: switched on" SHOP_ 1 "gcc -DINCLUDE_SHOP_DTRACE" "g++ -DINCLUDE_SHOP_DTRACE"
gcc -O1 -w use.c -o use && ./use && same "SpiderMonkey: switched off" "$("$dump" use)" ""

# Typed prototypes: pointers to const, arrays, strings, null pointers, without a cast.
cp shop.h edited.h
cat >types.c <<'E'
#include "edited.h"
#ifdef __cplusplus
#define NONE nullptr
#else
#define NONE ((void *)0)
#endif
struct row { const char *const name; char buyer[8]; };
int main(void)
{
	static const struct row r = { "n", "b" };
	const char *volatile vague = r.name;
	const unsigned char bytes[4] = { 1, 2, 3, 0 };

	SHOP_ITEM_SOLD(r.name, r.buyer, 1LL);
	SHOP_ITEM_SOLD("literal", vague, (unsigned char)1);
	SHOP_ITEM_SOLD(bytes, &bytes[1], 'c');
	SHOP_ITEM_SOLD(NONE, "x", 0);
	return 0;
}
E
for cc in "gcc -Wcast-qual -Wdiscarded-qualifiers -Wpointer-sign" "clang -Wcast-qual" "g++ -std=c++17 -Wcast-qual" "clang++ -std=c++17"; do
	command -v ${cc%% *} >/dev/null || continue
	if $cc -O1 -Wall -Wextra -Werror ${cc:+$(case $cc in *++*) echo -x c++ ;; esac)} types.c -o types 2>log && ./types; then
		same "const: ${cc%% *}" "$("$dump" types | grep -c '^shop:.*off=')" 4
	else
		bad "const: ${cc%% *}"; head -5 log
	fi
done
[ $fails -eq 0 ]
