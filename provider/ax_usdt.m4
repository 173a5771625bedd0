# SPDX-License-Identifier: BSD-2-Clause
# AX_USDT([ACTION-IF-USED], [ACTION-IF-NOT])
#
# --enable-usdt (default: if a dtrace works) for projects with provider files. Looks for dtrace in
# $DTRACE and $PATH, and tests that the C compiler accepts the header that it makes.
#   output variables	DTRACE, USDT_CPPFLAGS (the folder of <usdt/sdt.h>, by pkg-config if known)
#   config.h		HAVE_USDT
#   Automake		conditional USDT
# A rule for Makefile.am; make also remakes app.h when a file that app.d includes has changed:
#	BUILT_SOURCES = app.h
#	app.h: app.d
#		$(DTRACE) -h -C -MD -MP -MF $@.dep -s $(srcdir)/app.d -o $@
#	-include app.h.dep
AC_DEFUN([AX_USDT], [
AC_ARG_ENABLE([usdt], [AS_HELP_STRING([--enable-usdt], [probes for DTrace and its kin @<:@auto@:>@])],
	[], [enable_usdt=auto])
ax_usdt=no
USDT_CPPFLAGS=
AS_IF([test "x$enable_usdt" != xno], [
	AS_IF([test -z "$DTRACE" && command -v pkg-config >/dev/null && pkg-config --exists usdt-sdt], [
		DTRACE=`pkg-config --variable=dtrace usdt-sdt`
		USDT_CPPFLAGS=`pkg-config --cflags usdt-sdt`])
	AC_PATH_PROG([DTRACE], [dtrace])
	AC_CACHE_CHECK([whether $DTRACE makes probes], [ax_cv_usdt], [
		ax_cv_usdt=no
		AS_IF([test -n "$DTRACE"], [
			rm -f conftest.d conftest_usdt.h
			echo 'provider ax_usdt { probe hit(int, char *); };' >conftest.d
			AS_IF([$DTRACE -h -s conftest.d -o conftest_usdt.h >&AS_MESSAGE_LOG_FD 2>&1], [
				AC_LINK_IFELSE([AC_LANG_PROGRAM([@%:@include "conftest_usdt.h"],
					[if (AX_USDT_HIT_ENABLED()) AX_USDT_HIT(1, 0);])], [ax_cv_usdt=yes])])
			rm -f conftest.d conftest_usdt.h])])
	ax_usdt=$ax_cv_usdt
	AS_IF([test "$enable_usdt-$ax_usdt" = yes-no],
		[AC_MSG_ERROR([--enable-usdt needs a dtrace that makes headers (-h)])])])
AC_SUBST([DTRACE])
AC_SUBST([USDT_CPPFLAGS])
m4_ifdef([AM_CONDITIONAL], [AM_CONDITIONAL([USDT], [test "$ax_usdt" = yes])])
AS_IF([test "$ax_usdt" = yes],
	[AC_DEFINE([HAVE_USDT], [1], [Define to 1 if the program has probes.])
	$1], [m4_default([$2], [:])])
])
