/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/stdnames.c: the constants that every D program may name without a
 * declaration: signals, error numbers, NULL (guide: chp-types, "Inlines"). A
 * name that the program declares hides the constant.
 * In:   an identifier that nothing declares.
 * Out:  its value as a constant.
 * Owns: nothing.
 */
#include "d/check.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* clang-format off */
#define N(name) { #name, name },
static const struct {
	const char *name;
	int value;
} names[] = {
	N(SIGABRT) N(SIGALRM) N(SIGBUS) N(SIGCHLD) N(SIGCONT) N(SIGFPE) N(SIGHUP) N(SIGILL) N(
		SIGINT) N(SIGIO) N(SIGIOT) N(SIGKILL) N(SIGPIPE) N(SIGPOLL) N(SIGPROF) N(SIGPWR)
		N(SIGQUIT) N(SIGSEGV) N(SIGSTKFLT) N(SIGSTOP) N(SIGSYS) N(SIGTERM) N(SIGTRAP) N(
			SIGTSTP) N(SIGTTIN) N(SIGTTOU) N(SIGURG) N(SIGUSR1) N(SIGUSR2) N(SIGVTALRM)
			N(SIGWINCH) N(SIGXCPU) N(SIGXFSZ) N(E2BIG) N(EACCES) N(EADDRINUSE) N(
				EADDRNOTAVAIL) N(EADV) N(EAFNOSUPPORT) N(EAGAIN) N(EALREADY)
				N(EBADE) N(EBADF) N(EBADFD) N(EBADMSG) N(EBADR) N(EBADRQC) N(
					EBADSLT) N(EBFONT) N(EBUSY) N(ECANCELED) N(ECHILD) N(ECHRNG)
					N(ECOMM) N(ECONNABORTED) N(ECONNREFUSED) N(ECONNRESET) N(EDEADLK) N(
						EDEADLOCK) N(EDESTADDRREQ) N(EDOM) N(EDOTDOT) N(EDQUOT)
						N(EEXIST) N(EFAULT) N(EFBIG) N(EHOSTDOWN) N(EHOSTUNREACH) N(EHWPOISON) N(
							EIDRM) N(EILSEQ) N(EINPROGRESS) N(EINTR) N(EINVAL) N(EIO) N(EISCONN)
							N(EISDIR) N(EISNAM) N(EKEYEXPIRED) N(EKEYREJECTED) N(
								EKEYREVOKED) N(EL2HLT) N(EL2NSYNC) N(EL3HLT) N(EL3RST)
								N(ELIBACC) N(ELIBBAD) N(ELIBEXEC) N(ELIBMAX) N(
									ELIBSCN) N(ELNRNG) N(ELOOP) N(EMEDIUMTYPE) N(EMFILE)
									N(EMLINK) N(EMSGSIZE) N(EMULTIHOP) N(ENAMETOOLONG) N(
										ENAVAIL) N(ENETDOWN) N(ENETRESET) N(ENETUNREACH)
										N(ENFILE) N(ENOANO) N(ENOBUFS) N(
											ENOCSI) N(ENODATA) N(ENODEV)
											N(ENOENT) N(ENOEXEC) N(
												ENOKEY) N(ENOLCK)
												N(ENOLINK) N(
													ENOMEDIUM)
													N(ENOMEM)
														N(ENOMSG)
															N(ENONET)
																N(ENOPKG)
																	N(ENOPROTOOPT)
																		N(ENOSPC)
																			N(
																				ENOSR) N(ENOSTR) N(ENOSYS) N(ENOTBLK) N(ENOTCONN) N(ENOTDIR) N(ENOTEMPTY) N(ENOTNAM) N(ENOTRECOVERABLE) N(ENOTSOCK) N(ENOTSUP) N(ENOTTY) N(ENOTUNIQ) N(ENXIO) N(EOPNOTSUPP) N(EOVERFLOW) N(EOWNERDEAD) N(EPERM) N(EPFNOSUPPORT) N(EPIPE) N(EPROTO) N(EPROTONOSUPPORT)
																				N(EPROTOTYPE) N(
																					ERANGE) N(EREMCHG)
																					N(EREMOTE)
																						N(
																							EREMOTEIO) N(ERESTART) N(ERFKILL) N(EROFS) N(ESHUTDOWN) N(ESOCKTNOSUPPORT) N(ESPIPE) N(ESRCH) N(ESRMNT) N(ESTALE) N(ESTRPIPE) N(ETIME) N(ETIMEDOUT) N(ETOOMANYREFS) N(ETXTBSY) N(EUCLEAN) N(EUNATCH) N(EUSERS) N(EWOULDBLOCK) N(EXDEV)
																							N(EXFULL)
};
#undef N
/* clang-format on */

struct d_expr *c_std_name(struct chk *c, const struct d_expr *e)
{
	struct d_type *p = strcmp(e->str, "NULL") ? NULL : d_ptr_to(c->d, d_base(c->d, D_VOID));

	if (p)
		return c_cast(c, c_int(c, 0, d_base(c->d, D_INT), e->loc), p);
	for (size_t i = 0; i < COUNT(names); i++)
		if (!strcmp(names[i].name, e->str))
			return c_int(c, (uint64_t)names[i].value, d_base(c->d, D_INT), e->loc);
	return NULL;
}
