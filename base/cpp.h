/* SPDX-License-Identifier: BSD-2-Clause */
/* base/cpp.h: runs D texts through the C preprocessor (dtrace -C). */
#ifndef BASE_CPP_H
#define BASE_CPP_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/text.h"

/*
 * Preprocesses a file ("-": standard input) with $CPP, else `cc -E`. args: n
 * further arguments, as "-Idir", "-DX=1", "-U" "X"; "-H" writes the names of
 * included files to stderr. Places in the result are places in the file and in
 * the files that it includes. A first line that begins with #! is left out.
 * NULL: failed, and reported to diag.
 */
struct text *cpp_read(struct arena *a, const char *path, const char *const *args, size_t n,
		      struct diag *diag);
/* Preprocesses a text that is in memory (-n, -P …). The result keeps its name. */
struct text *cpp_text(struct arena *a, const struct text *in, const char *const *args, size_t n,
		      struct diag *diag);

#endif
