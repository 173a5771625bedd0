noinst_LTLIBRARIES += libd.la
libd_la_SOURCES = d/d.h d/errtags.h d/errtags.def d/inner.h d/ops.def d/ekinds.def d/builtins.def d/lex.h d/d.c d/rows.c
libd_la_LIBADD = libbase.la
libd_la_SOURCES += d/error.c d/words.c d/kinds.c d/parser.c d/lex.c d/literal.c d/pdesc.c d/parse.c d/parse_expr.c d/specs.c d/declarator.c d/tags.c d/cwords.c d/decl_top.c \
	d/provider.c d/pragma.c d/format.c d/stab.c
libd_la_SOURCES += d/type.c d/layout.c
libd_la_SOURCES += d/check.h d/check.c d/check_expr.c d/check_var.c d/check_inline.c d/check_tuple.c d/check_op.c d/check_call.c d/check_proto.c d/check_tree.c \
	d/check_act.c d/check_fmt.c d/check_agg.c d/check_order.c d/check_stab.c d/userland.c d/const.c d/convert.c d/suggest.c \
	d/stdnames.c d/widen.c
