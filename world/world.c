/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/world.c: makes and frees the world.
 * In:   a diag for messages.
 * Out:  struct world.
 * Owns: the world and its parts (files, watch, targets), until world_free.
 */
#include "world/inner.h"

#include <stdlib.h>

struct world *world_new(struct diag *diag)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->arena = arena_new();
	if (!w->arena) {
		free(w);
		return NULL;
	}
	w->diag = diag;
	w->stop_fd = -1;
	return w;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	world_watch_close(w->watch);
	for (size_t i = 0; i < w->ntargets; i++)
		world_target_free(w->targets[i]);
	world_files_free(w->files);
	arena_free(w->arena);
	free(w);
}
