/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtimes/python/ext/probe.c: usdt.Probe, a callable that fires a probe.
 * In:   a point of libusdt, the kinds of its arguments.
 * Out:  the type.
 * Owns: the point: it ends with the object. The provider lives as long as its probes.
 *
 * A call tests its arguments whether a consumer traces the probe or not, so a
 * program that runs untraced also runs traced. The slow part, conversion, is
 * done only while a consumer traces.
 *
 * The interpreter's lock is held while a probe fires; the module declares that
 * it needs the lock.
 */
#include "inner.h"

#include <structmember.h>

#define NOINLINE __attribute__((noinline)) /* keeps rare code out of the short path of a call */

/* ---- Calls ---------------------------------------------------------------------------- */

NOINLINE static PyObject *wrong_count(const struct probe *p, Py_ssize_t n)
{
	return PyErr_Format(PyExc_TypeError, "probe %U takes %zd argument%s (%zd given)", p->name,
			    p->n, p->n == 1 ? "" : "s", n);
}

NOINLINE static PyObject *fire(const struct probe *p, PyObject *const *args)
{
	PyObject *kept[USDT_POINT_ARGS] = { NULL };
	uint64_t words[USDT_POINT_ARGS];

	for (Py_ssize_t i = 0; i < p->n; i++)
		words[i] = p->kind[i]->word(args[i], &kept[i]);
	usdt_point_fire(p->point, words);
	for (Py_ssize_t i = 0; i < p->n; i++)
		Py_XDECREF(kept[i]);
	Py_RETURN_NONE;
}

/* An argument has not exactly its type: it is wrong, of a subclass, or an int for a float. */
NOINLINE static PyObject *look_closer(const struct probe *p, PyObject *const *args)
{
	for (Py_ssize_t i = 0; i < p->n; i++)
		if (!p->kind[i]->accepts(args[i]))
			return PyErr_Format(
				PyExc_TypeError, "argument %zd of probe %U is %s, not %s", i + 1,
				p->name, Py_TYPE(args[i])->tp_name, p->kind[i]->type->tp_name);
	if (usdt_point_enabled(p->point))
		return fire(p, args);
	Py_RETURN_NONE;
}

/* The method fire(). Each call in it is a tail call, so the compiler makes no stack frame. */
static inline PyObject *probe_fire(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
	const struct probe *p = (const struct probe *)self;

	if (n != p->n)
		return wrong_count(p, n);
	for (Py_ssize_t i = 0; i < n; i++)
		if (Py_TYPE(args[i]) != p->type[i])
			return look_closer(p, args);
	if (usdt_point_enabled(p->point))
		return fire(p, args);
	Py_RETURN_NONE;
}

NOINLINE static PyObject *named_call(PyObject *self, PyObject *const *args, Py_ssize_t n,
				     PyObject *kwnames)
{
	if (!PyTuple_GET_SIZE(kwnames))
		return probe_fire(self, args, n);
	return PyErr_Format(PyExc_TypeError, "probe %U takes no keyword arguments",
			    ((struct probe *)self)->name);
}

static PyObject *probe_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
	Py_ssize_t n = PyVectorcall_NARGS(nargsf);

	return kwnames ? named_call(self, args, n, kwnames) : probe_fire(self, args, n);
}

PyDoc_STRVAR(fire_doc,
	     "fire($self, *values)\n--\n\n"
	     "The same as a call of the probe. From CPython 3.11 on, `fire = order.fire` once\n"
	     "and fire(1, 'x') is the cheapest: the interpreter has a short way to methods.");

static PyMethodDef probe_methods[] = {
	{ "fire", (PyCFunction)(void (*)(void))probe_fire, METH_FASTCALL, fire_doc },
	{ NULL, NULL, 0, NULL },
};

/* ---- Attributes ------------------------------------------------------------------------- */

static PyObject *probe_enabled(PyObject *self, void *closure)
{
	(void)closure;
	return PyBool_FromLong(usdt_point_enabled(((struct probe *)self)->point));
}

static PyObject *probe_repr(PyObject *self)
{
	const struct probe *p = (const struct probe *)self;

	return PyUnicode_FromFormat("<usdt.Probe %U:::%U>", p->provider->name, p->name);
}

static PyGetSetDef probe_getset[] = {
	{ "enabled", probe_enabled, NULL, "True while a tracer looks at the probe.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyMemberDef probe_members[] = {
	{ "name", T_OBJECT, offsetof(struct probe, name), READONLY, "The probe's name." },
	{ "provider", T_OBJECT, offsetof(struct probe, provider), READONLY,
	  "The Provider that made the probe." },
	{ "types", T_OBJECT, offsetof(struct probe, types), READONLY,
	  "The types of the arguments, as Provider.probe was given them." },
#if PY_VERSION_HEX >= 0x03090000
	{ "__vectorcalloffset__", T_PYSSIZET, offsetof(struct probe, call), READONLY, NULL },
#endif
	{ NULL, 0, 0, 0, NULL },
};

/* ---- Life ------------------------------------------------------------------------------- */

static PyObject *probe_no_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	(void)type, (void)args, (void)kwargs;
	PyErr_SetString(PyExc_TypeError, "probes are made by Provider.probe()");
	return NULL;
}

PyObject *probe_new(PyTypeObject *type, struct provider *provider, PyObject *name, PyObject *types,
		    struct usdt_point *point)
{
	struct probe *p = (struct probe *)type->tp_alloc(type, 0);

	if (!p)
		return NULL;
	p->call = probe_call;
	p->point = point;
	p->n = PyTuple_GET_SIZE(types);
	for (Py_ssize_t i = 0; i < p->n; i++) {
		p->kind[i] = kind_of(PyTuple_GET_ITEM(types, i));
		p->type[i] = p->kind[i]->type;
	}
	Py_INCREF(provider);
	p->provider = provider;
	Py_INCREF(name);
	p->name = name;
	Py_INCREF(types);
	p->types = types;
	return (PyObject *)p;
}

static void probe_dealloc(PyObject *self)
{
	struct probe *p = (struct probe *)self;
	PyTypeObject *type = Py_TYPE(self);

	usdt_provider_remove(p->provider->usdt, p->point);
	Py_DECREF(p->provider);
	Py_DECREF(p->name);
	Py_DECREF(p->types);
	type->tp_free(self);
	Py_DECREF(type);
}

/* ---- The type ---------------------------------------------------------------------------- */

PyDoc_STRVAR(probe_doc,
	     "A probe. Call it with values of its types to fire it:\n\n"
	     "    order(1, 'x')\n\n"
	     "Arguments are tested whether a tracer looks or not, and converted only while\n"
	     "one does. A str is passed as UTF-8, and str and bytes end at their first NUL;\n"
	     "of an int the low bits are passed that the type has.\n\n"
	     "Probes are made by Provider.probe() and end when nothing refers to them.");

static PyType_Slot probe_slots[] = {
	{ Py_tp_doc, (void *)probe_doc },
	{ Py_tp_new, (void *)probe_no_new },
	{ Py_tp_dealloc, (void *)probe_dealloc },
	{ Py_tp_repr, (void *)probe_repr },
	{ Py_tp_call, (void *)PyVectorcall_Call },
	{ Py_tp_methods, (void *)probe_methods },
	{ Py_tp_getset, (void *)probe_getset },
	{ Py_tp_members, (void *)probe_members },
	{ 0, NULL },
};

#ifndef Py_TPFLAGS_IMMUTABLETYPE /* CPython 3.10 */
#define Py_TPFLAGS_IMMUTABLETYPE 0
#endif
#ifndef Py_TPFLAGS_HAVE_VECTORCALL /* CPython 3.9 */
#define Py_TPFLAGS_HAVE_VECTORCALL _Py_TPFLAGS_HAVE_VECTORCALL
#endif

PyObject *probe_type_new(void)
{
	static PyType_Spec spec = {
		.name = "usdt.Probe",
		.basicsize = sizeof(struct probe),
		.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
		.slots = probe_slots,
	};
	PyObject *type = PyType_FromSpec(&spec);

#if PY_VERSION_HEX < 0x03090000 /* CPython 3.8 ignores __vectorcalloffset__ */
	if (type)
		((PyTypeObject *)type)->tp_vectorcall_offset = offsetof(struct probe, call);
#endif
	return type;
}
