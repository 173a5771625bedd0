bin_PROGRAMS += dtrace
dtrace_SOURCES = cmd/dtrace/main.c cmd/dtrace/args.c cmd/dtrace/trace.c cmd/dtrace/generate.c \
	cmd/dtrace/cmd.h
dtrace_LDADD = librun.la libout.la libaggs.la libprov.la libworld.la libcc.la libkernel.la libprovider.la libd.la \
	libusdtread-core.la libbase.la $(BPF_LIBS) $(ELF_LIBS)
