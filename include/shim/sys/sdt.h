/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys/sdt.h: the names of SystemTap's header of that name, on <usdt/sdt.h>,
 * for projects that look for it where systemtap-sdt-dev is not installed
 * (configure --enable-sys-sdt installs it).
 *
 *	DTRACE_PROBE1(app, hit, id);	STAP_PROBE1, and with as many arguments
 *	STAP_PROBEV(app, hit, id, url);	as are given, where
 *					SDT_USE_VARIADIC is defined
 *
 * With _SDT_HAS_SEMAPHORES defined before it is included, a probe refers to
 * PROVIDER_NAME_semaphore, which the program declares. STAP_SDT_ARG_CONSTRAINT
 * is USDT_ARG_CONSTRAINT. For assembler texts there is nothing here.
 */
#ifndef _SYS_SDT_H
#define _SYS_SDT_H 1

#if defined STAP_SDT_ARG_CONSTRAINT && !defined USDT_ARG_CONSTRAINT
#define USDT_SHIM_STRING_(x) #x
#define USDT_SHIM_STRING(x) USDT_SHIM_STRING_(x)
#define USDT_ARG_CONSTRAINT USDT_SHIM_STRING(STAP_SDT_ARG_CONSTRAINT)
#endif

#include <usdt/sdt.h>

/* Names may be macros, as SystemTap has it: one more call, and they are expanded. */
#ifdef _SDT_HAS_SEMAPHORES
#define USDT_SHIM_(provider, name, n, args)                                                       \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, n, args)
#else
#define USDT_SHIM_(provider, name, n, args) USDT_SITE_(#provider, #name, n, args)
#endif

#define STAP_PROBE(provider, name) USDT_SHIM_(provider, name, 0, ())
#define STAP_PROBE1(provider, name, a) USDT_SHIM_(provider, name, 1, (a))
#define STAP_PROBE2(provider, name, a, b) USDT_SHIM_(provider, name, 2, (a, b))
#define STAP_PROBE3(provider, name, a, b, c) USDT_SHIM_(provider, name, 3, (a, b, c))
#define STAP_PROBE4(provider, name, a, b, c, d) USDT_SHIM_(provider, name, 4, (a, b, c, d))
#define STAP_PROBE5(provider, name, a, b, c, d, e) USDT_SHIM_(provider, name, 5, (a, b, c, d, e))
#define STAP_PROBE6(provider, name, a, b, c, d, e, f)                                             \
	USDT_SHIM_(provider, name, 6, (a, b, c, d, e, f))
#define STAP_PROBE7(provider, name, a, b, c, d, e, f, g)                                          \
	USDT_SHIM_(provider, name, 7, (a, b, c, d, e, f, g))
#define STAP_PROBE8(provider, name, a, b, c, d, e, f, g, h)                                       \
	USDT_SHIM_(provider, name, 8, (a, b, c, d, e, f, g, h))
#define STAP_PROBE9(provider, name, a, b, c, d, e, f, g, h, i)                                    \
	USDT_SHIM_(provider, name, 9, (a, b, c, d, e, f, g, h, i))
#define STAP_PROBE10(provider, name, a, b, c, d, e, f, g, h, i, j)                                \
	USDT_SHIM_(provider, name, 10, (a, b, c, d, e, f, g, h, i, j))
#define STAP_PROBE11(provider, name, a, b, c, d, e, f, g, h, i, j, k)                             \
	USDT_SHIM_(provider, name, 11, (a, b, c, d, e, f, g, h, i, j, k))
#define STAP_PROBE12(provider, name, a, b, c, d, e, f, g, h, i, j, k, l)                          \
	USDT_SHIM_(provider, name, 12, (a, b, c, d, e, f, g, h, i, j, k, l))

#define DTRACE_PROBE(provider, name) STAP_PROBE(provider, name)
#define DTRACE_PROBE1(provider, name, a) STAP_PROBE1(provider, name, a)
#define DTRACE_PROBE2(provider, name, a, b) STAP_PROBE2(provider, name, a, b)
#define DTRACE_PROBE3(provider, name, a, b, c) STAP_PROBE3(provider, name, a, b, c)
#define DTRACE_PROBE4(provider, name, a, b, c, d) STAP_PROBE4(provider, name, a, b, c, d)
#define DTRACE_PROBE5(provider, name, a, b, c, d, e) STAP_PROBE5(provider, name, a, b, c, d, e)
#define DTRACE_PROBE6(provider, name, a, b, c, d, e, f)                                           \
	STAP_PROBE6(provider, name, a, b, c, d, e, f)
#define DTRACE_PROBE7(provider, name, a, b, c, d, e, f, g)                                        \
	STAP_PROBE7(provider, name, a, b, c, d, e, f, g)
#define DTRACE_PROBE8(provider, name, a, b, c, d, e, f, g, h)                                     \
	STAP_PROBE8(provider, name, a, b, c, d, e, f, g, h)
#define DTRACE_PROBE9(provider, name, a, b, c, d, e, f, g, h, i)                                  \
	STAP_PROBE9(provider, name, a, b, c, d, e, f, g, h, i)
#define DTRACE_PROBE10(provider, name, a, b, c, d, e, f, g, h, i, j)                              \
	STAP_PROBE10(provider, name, a, b, c, d, e, f, g, h, i, j)
#define DTRACE_PROBE11(provider, name, a, b, c, d, e, f, g, h, i, j, k)                           \
	STAP_PROBE11(provider, name, a, b, c, d, e, f, g, h, i, j, k)
#define DTRACE_PROBE12(provider, name, a, b, c, d, e, f, g, h, i, j, k, l)                        \
	STAP_PROBE12(provider, name, a, b, c, d, e, f, g, h, i, j, k, l)

/* The number of arguments picks the macro. */
#ifdef SDT_USE_VARIADIC
#define USDT_SHIM_COUNT_(x, a, b, c, d, e, f, g, h, i, j, k, l, n, ...) n
#define USDT_SHIM_NAME__(n) STAP_PROBE##n
#define USDT_SHIM_NAME_(n) USDT_SHIM_NAME__(n)
#define STAP_PROBEV(provider, ...)                                                                \
	USDT_SHIM_NAME_(USDT_SHIM_COUNT_(__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, , 0))  \
	(provider, __VA_ARGS__)
#endif

#endif
