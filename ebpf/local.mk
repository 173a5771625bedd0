# The run-time library of compiled programs (BPF C, compiled by clang, embedded as a table in C), the
# linker and the loader.
noinst_LTLIBRARIES += libebpf.la
libebpf_la_SOURCES = ebpf/ebpf.h ebpf/rt.h ebpf/progs.h ebpf/link.c ebpf/load.c \
	ebpf/rings.h ebpf/rings.c
nodist_libebpf_la_SOURCES = ebpf/table.c

RT_PROTOTYPES = ebpf/rt.h ebpf/progs.h
RT_OBJECTS = ebpf/rt.bpf.o ebpf/progs.bpf.o ebpf/drain.bpf.o
CLEANFILES += $(RT_OBJECTS) ebpf/table.c
EXTRA_DIST += ebpf/rt.c ebpf/progs.c ebpf/drain.c ebpf/bpf.h ebpf/embed.py

RT_CFLAGS = -target bpf -mcpu=v3 -O2 -fno-inline -Wall -Wextra -Werror
if PLAIN_STORES
RT_CFLAGS += -DPLAIN_STORES
endif

$(RT_OBJECTS): $(RT_PROTOTYPES) ebpf/bpf.h ebpf/abi.h ebpf/drops.def ebpf/faults.def
	$(AM_V_GEN)$(MKDIR_P) ebpf && $(BPF_CLANG) $(RT_CFLAGS) -I$(top_srcdir) \
		-c $(top_srcdir)/$(@:.bpf.o=.c) -o $@
ebpf/rt.bpf.o: ebpf/rt.c
ebpf/progs.bpf.o: ebpf/progs.c
ebpf/drain.bpf.o: ebpf/drain.c
ebpf/table.c: $(RT_OBJECTS) $(RT_PROTOTYPES) ebpf/embed.py
	$(AM_V_GEN)$(PYTHON3) $(top_srcdir)/ebpf/embed.py $@ \
		$(RT_PROTOTYPES:%=$(top_srcdir)/%) $(RT_OBJECTS)
