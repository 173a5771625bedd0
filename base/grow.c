/* SPDX-License-Identifier: BSD-2-Clause */
/* base/grow.c: growable arrays on the heap. */
#include "base/grow.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 16 };

bool grow_more(void *pv, size_t n, size_t *cap, size_t elem)
{
	size_t more = n ? n * 2 : FIRST;
	void *old, *v;

	if (n > SIZE_MAX / 2)
		return false;
	memcpy(&old, pv, sizeof(old)); /* not by a cast: v's type is the caller's */
	v = reallocarray(old, more, elem);
	if (!v)
		return false;
	memcpy(pv, &v, sizeof(v));
	*cap = more;
	return true;
}
