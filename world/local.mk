noinst_LTLIBRARIES += libworld.la
libworld_la_SOURCES = world/world.h world/inner.h world/target.h world/vma.h world/process.c \
	world/symbols.c world/vma.c world/files.c world/watch.c world/history.c world/threads.c \
	world/stops.c world/target.c world/command.c world/world.c
