/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/usym.c: addresses of processes as module`function+0x10.
 * In:   an address, the process and the time that it belongs to.
 * Out:  text, also for processes that have ended.
 * Owns: nothing; the run owns the history.
 */
#include "consumer/output/inner.h"

#include <inttypes.h>

void out_usym(const struct world_history *h, char *buf, size_t size, const struct rt_owner *owner,
	      uint64_t addr, uint64_t time, enum d_symbol how)
{
	struct world_place place;
	uint64_t distance = 0;
	const char *name;

	if (!world_history_find(h, owner, addr, time, &place)) {
		snprintf(buf, size, "0x%" PRIx64, addr);
		return;
	}
	if (how == D_SYM_MODULE) {
		snprintf(buf, size, "%s", place.module);
		return;
	}
	name = world_symbols_find(place.symbols, place.offset, &distance);
	if (!name)
		snprintf(buf, size, "%s`0x%" PRIx64, place.module, addr);
	else if (!distance || how == D_SYM_FUNCTION)
		snprintf(buf, size, "%s`%s", place.module, name);
	else
		snprintf(buf, size, "%s`%s+0x%" PRIx64, place.module, name, distance);
}
