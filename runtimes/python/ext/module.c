/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtimes/python/ext/module.c: the module usdt._usdt.
 * In:   nothing.
 * Out:  Provider and Probe, made anew for each interpreter of the process.
 * Owns: nothing: all state is in objects, or in libusdt under its own lock.
 */
#include "inner.h"

/* Takes over the reference to the object. */
static int add(PyObject *module, const char *name, PyObject *object)
{
	int err = object ? PyObject_SetAttrString(module, name, object) : -1;

	Py_XDECREF(object);
	return err;
}

static int module_exec(PyObject *module)
{
	PyObject *probe = probe_type_new(), *provider = probe ? provider_type_new(probe) : NULL;

	return add(module, "Probe", probe) || add(module, "Provider", provider) ? -1 : 0;
}

static PyModuleDef_Slot slots[] = {
	{ Py_mod_exec, (void *)module_exec },
#ifdef Py_MOD_PER_INTERPRETER_GIL_SUPPORTED /* CPython 3.12 */
	{ Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED },
#endif
#ifdef Py_MOD_GIL_USED /* CPython 3.13: a free-threaded build turns its lock on */
	{ Py_mod_gil, Py_MOD_GIL_USED },
#endif
	{ 0, NULL },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "usdt._usdt",
	.m_doc = "Probes made at run time, by libusdt.",
	.m_slots = slots,
};

PyMODINIT_FUNC PyInit__usdt(void);

__attribute__((visibility("default"))) PyObject *PyInit__usdt(void)
{
	return PyModuleDef_Init(&definition);
}
