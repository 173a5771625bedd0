# System calls by number, from the kernel headers that the C library uses.
consumer/providers/syscalls_64.def consumer/providers/syscalls_32.def: consumer/providers/local.mk
	$(AM_V_GEN)mkdir -p consumer/providers && bits=$@ && bits=$${bits%.def} && \
	echo "#include <asm/unistd_$${bits##*_}.h>" | $(CC) $(CPPFLAGS) -E -dM -x c - | \
	sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9][0-9]*\)$$/SYSCALL(\2, \1)/p' | \
	sort -t'(' -k2n >$@.new && test -s $@.new && mv $@.new $@
SYSCALL_TABLES = consumer/providers/syscalls_64.def consumer/providers/syscalls_32.def
consumer/providers/syscall.lo: $(SYSCALL_TABLES)
BUILT_SOURCES += $(SYSCALL_TABLES)
CLEANFILES += $(SYSCALL_TABLES)

noinst_LTLIBRARIES += libprov.la
nodist_libprov_la_SOURCES = $(SYSCALL_TABLES)
libprov_la_SOURCES = consumer/providers/providers.h consumer/providers/providers.def \
	consumer/providers/inner.h \
	consumer/providers/env.c \
	consumer/providers/match.c \
	consumer/providers/probe.c \
	consumer/providers/attach.c \
	consumer/providers/links.c \
	consumer/providers/frame.c \
	consumer/providers/dtrace.c \
	consumer/providers/profile.c \
	consumer/providers/newer.def \
	consumer/providers/syscall.c \
	consumer/providers/sdt.c \
	consumer/providers/names.c \
	consumer/providers/types.c \
	consumer/providers/attrs.def consumer/providers/stab.c \
	consumer/providers/usdt.c \
	consumer/providers/usdt_args.c \
	consumer/providers/pid.c \
	consumer/providers/later.c
