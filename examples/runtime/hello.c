/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * examples/runtime/hello.c: makes a probe at run time and fires it.
 *
 *	cc hello.c $(pkg-config --cflags --libs usdt) -o hello
 *	dtrace -Z -c ./hello -n 'hello$target:::greeting { printf("%d %s", arg0, copyinstr(arg1)); }'
 */
#include <usdt/usdt.h>

int main(void)
{
	struct usdt_provider *hello;
	struct usdt_point *greeting;

	if (usdt_provider_new("hello", &hello) ||
	    usdt_provider_add(hello, "greeting", "int n, const char *whom", &greeting) ||
	    usdt_provider_enable(hello))
		return 1;
	for (int n = 0; n < 3; n++)
		usdt_fire(greeting, n, "world");
	usdt_provider_free(hello);
	return 0;
}
