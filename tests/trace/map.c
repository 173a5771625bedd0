/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/trace/map.c: fires a probe whose arguments the provider declaration maps. */
#include "map.h"

int main(void)
{
	for (int i = 0; i < 3; i++)
		MAP_SWAPPED(i, "text");
	MAP_WORDS(5, "word");
	return 0;
}
