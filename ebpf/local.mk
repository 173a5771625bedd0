# The run-time library of compiled programs: BPF C, clang's object, a table in C.
noinst_LTLIBRARIES += librt.la
librt_la_SOURCES = ebpf/rt.h ebpf/table.h ebpf/rings.h ebpf/rings.c
nodist_librt_la_SOURCES = ebpf/rt_table.c
CLEANFILES += ebpf/rt.bpf.o ebpf/rt_table.c
EXTRA_DIST += ebpf/rt.c ebpf/embed.py

RT_CFLAGS = -target bpf -mcpu=v3 -O2 -fno-inline -Wall -Wextra -Werror
if PLAIN_STORES
RT_CFLAGS += -DPLAIN_STORES
endif

ebpf/rt.bpf.o: ebpf/rt.c ebpf/rt.h ebpf/abi.h ebpf/drops.def ebpf/faults.def
	$(AM_V_GEN)$(MKDIR_P) ebpf && \
		$(BPF_CLANG) $(RT_CFLAGS) -I$(top_srcdir) -c $(top_srcdir)/ebpf/rt.c -o $@
ebpf/rt_table.c: ebpf/rt.bpf.o ebpf/rt.h ebpf/embed.py
	$(AM_V_GEN)$(PYTHON3) $(top_srcdir)/ebpf/embed.py ebpf/rt.bpf.o \
		$(top_srcdir)/ebpf/rt.h $@
