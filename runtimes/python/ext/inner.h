/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtimes/python/ext/inner.h: the interface between the files of usdt._usdt.
 *
 *	kinds.c    a Python value -> the word that a probe passes
 *	probe.c    usdt.Probe: the callable
 *	provider.c usdt.Provider
 *	module.c   the module
 *
 * libusdt's own sources are compiled into the module, so nothing has to be
 * installed.
 */
#ifndef USDT_PYTHON_INNER_H
#define USDT_PYTHON_INNER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "usdt/usdt.h"

/* A type that an argument may have: a row of kinds.def. */
struct kind {
	PyTypeObject *type; /* most values have exactly this type */
	bool by_type;	    /* the type names the kind; else the text c does */
	const char *c;
	bool (*accepts)(PyObject *value); /* also accepts subclasses and an int for a float */
	/* Never fails, because a call must not raise only while it is traced. *kept: an object that
	 * must live until the probe has fired; NULL: none. */
	uint64_t (*word)(PyObject *value, PyObject **kept);
};

/* The kind that a type names. NULL with an exception set: an argument cannot have this type. */
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

/* New references; NULL with an exception set. The Provider type holds the Probe type in its
 * dictionary, because CPython 3.8 cannot lead from a type to its module. */
PyObject *provider_type_new(PyObject *probe_type);
PyObject *probe_type_new(void);
/* The probe owns point from now on. NULL with an exception set: the caller keeps it. */
PyObject *probe_new(PyTypeObject *type, struct provider *provider, PyObject *name, PyObject *types,
		    struct usdt_point *point);

#endif
