/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/build/app.c: a program with probes, built by CMake, Meson or Autotools. */
#include "app.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	for (int id = 0; id < 3; id++) {
		const char *url = argc > 1 ? argv[1] : "/";

		APP_REQUEST_START(id, url);
		if (APP_REQUEST_DONE_ENABLED()) /* compute slow arguments only for a consumer */
			APP_REQUEST_DONE(id, 200, 1000LL * id);
	}
	puts("served 3 requests");
	return 0;
}
