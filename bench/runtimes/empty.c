/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/runtimes/empty.c: a function of an extension that does nothing. A probe that nobody traces
 * is compared with it. Compiled for Python, or with -DFOR_RUBY for Ruby.
 */
#ifdef FOR_RUBY
#include <ruby.h>

static VALUE empty(int argc, VALUE *argv, VALUE self)
{
	(void)argc, (void)argv, (void)self;
	return Qnil;
}

void Init_empty(void);
void Init_empty(void)
{
	rb_define_method(rb_define_class("Empty", rb_cObject), "empty", empty, -1);
}
#else
#include <Python.h>

#include <stddef.h>

static PyObject *empty(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
	(void)self, (void)args, (void)n;
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{ "empty", (PyCFunction)(void (*)(void))empty, METH_FASTCALL, NULL },
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef definition = { PyModuleDef_HEAD_INIT, .m_name = "empty",
					 .m_methods = methods };

/* A callable object, as a probe is: the interpreter has no shortcut for calls of objects. */
struct object {
	PyObject_HEAD vectorcallfunc call;
};

static PyObject *call(PyObject *self, PyObject *const *args, size_t n, PyObject *names)
{
	(void)self, (void)args, (void)n, (void)names;
	Py_RETURN_NONE;
}

static PyTypeObject type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "empty.Object",
	.tp_basicsize = sizeof(struct object),
#if PY_VERSION_HEX < 0x03090000
	.tp_flags = Py_TPFLAGS_DEFAULT | _Py_TPFLAGS_HAVE_VECTORCALL,
#else
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
#endif
	.tp_vectorcall_offset = offsetof(struct object, call),
	.tp_call = PyVectorcall_Call,
	.tp_methods = methods,
};

PyMODINIT_FUNC PyInit_empty(void)
{
	PyObject *module = PyModule_Create(&definition);
	struct object *o = module && !PyType_Ready(&type) ? PyObject_New(struct object, &type) :
							    NULL;

	if (!o)
		return NULL;
	o->call = call;
	PyModule_AddObject(module, "object", (PyObject *)o);
	return module;
}
#endif
