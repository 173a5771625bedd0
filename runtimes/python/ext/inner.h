/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtimes/python/ext/inner.h: what the files of usdt._usdt know of each other.
 *
 *	kinds.c    a Python value -> the word that a probe passes
 *	probe.c    usdt.Probe: the callable
 *	provider.c usdt.Provider
 *	module.c   the module
 *
 * libusdt's own sources are compiled into the module, so nothing has to be installed.
 */
#ifndef USDT_PYTHON_INNER_H
#define USDT_PYTHON_INNER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "usdt/usdt.h"

/* A type that an argument may have: a row of kinds.def. */
struct kind {
	PyTypeObject *type; /* most values are exactly of this type */
	bool by_type;	    /* the type names the kind; else c does */
	const char *c;
	bool (*accepts)(PyObject *value); /* also what is not exactly of the type */
	/* Never fails: whether somebody looks must not decide whether a call raises. *kept: what
	 * must live until the probe has fired; NULL if nothing. */
	uint64_t (*word)(PyObject *value, PyObject **kept);
};

/* Borrowed; NULL with an exception set: not a type that an argument may have. */
const struct kind *kind_of(PyObject *type);

struct provider {
	PyObject_HEAD struct usdt_provider *usdt;
	PyObject *name;
};

struct probe {
	PyObject_HEAD vectorcallfunc call;
	struct usdt_point *point;
	Py_ssize_t n;
	PyTypeObject *type[USDT_POINT_ARGS]; /* kind[i]->type: the test of a call reads one line */
	const struct kind *kind[USDT_POINT_ARGS];
	struct provider *provider; /* owned */
	PyObject *name, *types;
};

/* New references; NULL with an exception set. Both types have Provider's dictionary as home:
 * CPython 3.8 cannot lead from a type to its module. */
PyObject *provider_type_new(PyObject *probe_type);
PyObject *probe_type_new(void);
/* point: the probe's from now on. */
PyObject *probe_new(PyTypeObject *type, struct provider *provider, PyObject *name, PyObject *types,
		    struct usdt_point *point);

#endif
