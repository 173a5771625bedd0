/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/rows.c: the tables made from the rows of builtins.def and errtags.def.
 * In:   nothing.
 * Out:  the facts about each built-in name; the tags of errors.
 * Owns: nothing.
 */
#include "d/d.h"

#define ROW(id, has_, proto_, ...) \
	{ .name = #id, .has = D_IF_##has_(true, false), .proto = proto_, __VA_ARGS__ },

const struct d_row d_var_rows[D_NBUILTINS] = {
#define D_VAR ROW
#define D_ARRAY(id, has, type, ...) ROW(id, has, type, .is_array = true, __VA_ARGS__)
#include "d/builtins.def"
};
const struct d_row d_subr_rows[D_NSUBRS] = {
#define D_SUBR ROW
#include "d/builtins.def"
};
const struct d_row d_action_rows[D_NACTIONS] = {
#define D_ACTION ROW
#include "d/builtins.def"
};
const struct d_row d_aggfunc_rows[D_NAGGFUNCS] = {
#define D_AGGFUNC ROW
#include "d/builtins.def"
};

#define D_TAG(name, when) const struct diag_tag name[1] = { { #name } };
#include "d/errtags.def"
