/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/errtags.h: the tags of errors, one object each: diag_error(diag, at, D_SYNTAX, …).
 */
#ifndef D_ERRTAGS_H
#define D_ERRTAGS_H

#include "base/diag.h"

#define D_TAG(name, when) extern const struct diag_tag name[1];
#include "d/errtags.def"

#endif
