noinst_LTLIBRARIES += libworld.la
libworld_la_SOURCES = world/world.h world/inner.h world/vma.h world/world.c world/files.c world/vma.c \
	world/watch.c world/history.c world/symbols.c world/target.h world/threads.c world/stops.c \
	world/target.c world/command.c
