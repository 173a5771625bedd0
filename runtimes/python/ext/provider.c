/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtimes/python/ext/provider.c: usdt.Provider.
 * In:   names and types.
 * Out:  the type; its objects make probes and show them to tracers.
 * Owns: libusdt's provider, which is freed with the object.
 */
#include "inner.h"

#include <errno.h>
#include <structmember.h>

/* ---- Prototypes ------------------------------------------------------------------------ */

/* Appends "TYPE NAME" to the prototype and the type to the list. Takes over the reference to the
 * prototype and returns a new one, or NULL with an exception set. */
static PyObject *parameter(PyObject *prototype, PyObject *list, PyObject *type, PyObject *name)
{
	const struct kind *k = kind_of(type);
	PyObject *longer = NULL;

	if (k && !(PyUnicode_IS_ASCII(name) &&
		   (!PyUnicode_GET_LENGTH(name) || PyUnicode_IsIdentifier(name))))
		PyErr_Format(PyExc_ValueError, "%R is not a name that an argument may have", name);
	else if (k && !PyList_Append(list, type))
		longer = PyUnicode_FromFormat("%U%s%s %U", prototype,
					      PyUnicode_GET_LENGTH(prototype) ? ", " : "", k->c,
					      name);
	Py_DECREF(prototype);
	return longer;
}

/* Makes the prototype from the arguments of probe() behind the name: types, then NAME=TYPE. */
static PyObject *prototype_of(PyObject *args, PyObject *kwargs, PyObject *list)
{
	PyObject *prototype = PyUnicode_FromString(""), *empty = prototype, *name, *type;
	Py_ssize_t at = 0;

	Py_XINCREF(empty);
	for (Py_ssize_t i = 1; prototype && i < PyTuple_GET_SIZE(args); i++)
		prototype = parameter(prototype, list, PyTuple_GET_ITEM(args, i), empty);
	while (prototype && kwargs && PyDict_Next(kwargs, &at, &name, &type))
		prototype = parameter(prototype, list, type, name);
	Py_XDECREF(empty);
	return prototype;
}

/* ---- Methods --------------------------------------------------------------------------- */

static void *failed_add(int err, const struct provider *p, PyObject *name)
{
	if (err == -EEXIST)
		PyErr_Format(PyExc_ValueError, "provider %U has a probe %R already", p->name, name);
	else if (err == -E2BIG)
		PyErr_Format(PyExc_ValueError, "a probe has at most %d arguments", USDT_POINT_ARGS);
	else if (err == -EINVAL)
		PyErr_Format(PyExc_ValueError,
			     "%R is not a probe's name (letters, digits, _ and -, no digit first, "
			     "after 'FUNCTION:' if wanted), or has other types in another function",
			     name);
	else
		PyErr_NoMemory();
	return NULL;
}

static PyObject *provider_probe(PyObject *self, PyObject *args, PyObject *kwargs)
{
	struct provider *p = (struct provider *)self;
	PyObject *name, *list, *prototype = NULL, *types = NULL, *home = NULL, *probe = NULL;
	struct usdt_point *point = NULL;
	const char *text, *c;
	int err;

	if (!PyTuple_GET_SIZE(args) || !PyUnicode_Check(name = PyTuple_GET_ITEM(args, 0))) {
		PyErr_SetString(PyExc_TypeError, "probe() needs the probe's name, a str, first");
		return NULL;
	}
	list = PyList_New(0);
	if (list)
		prototype = prototype_of(args, kwargs, list);
	text = prototype ? PyUnicode_AsUTF8(name) : NULL;
	c = text ? PyUnicode_AsUTF8(prototype) : NULL;
	types = c ? PyList_AsTuple(list) : NULL;
	home = types ? PyObject_GetAttrString((PyObject *)Py_TYPE(self), "_Probe") : NULL;
	if (!home)
		goto out;
	/* A NUL in the name would cut it off. */
	err = strlen(text) == (size_t)PyUnicode_GET_LENGTH(name) ?
		      usdt_provider_add(p->usdt, text, c, &point) :
		      -EINVAL;
	if (err)
		failed_add(err, p, name);
	else
		probe = probe_new((PyTypeObject *)home, p, name, types, point);
	if (point && !probe)
		usdt_provider_remove(p->usdt, point);
out:
	Py_XDECREF(list);
	Py_XDECREF(prototype);
	Py_XDECREF(types);
	Py_XDECREF(home);
	return probe;
}

static PyObject *done(int err)
{
	if (!err)
		Py_RETURN_NONE;
	errno = -err;
	return PyErr_SetFromErrno(PyExc_OSError);
}

static PyObject *provider_enable(PyObject *self, PyObject *unused)
{
	(void)unused;
	return done(usdt_provider_enable(((struct provider *)self)->usdt));
}

static PyObject *provider_disable(PyObject *self, PyObject *unused)
{
	(void)unused;
	return done(usdt_provider_disable(((struct provider *)self)->usdt));
}

static PyObject *provider_repr(PyObject *self)
{
	return PyUnicode_FromFormat("<usdt.Provider %U>", ((struct provider *)self)->name);
}

/* ---- Life ------------------------------------------------------------------------------- */

static PyObject *provider_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	static char *words[] = { "name", NULL };
	struct usdt_provider *usdt;
	struct provider *p;
	const char *text;
	PyObject *name;
	int err;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "U:Provider", words, &name))
		return NULL;
	text = PyUnicode_AsUTF8(name);
	if (!text)
		return NULL;
	err = strlen(text) == (size_t)PyUnicode_GET_LENGTH(name) ? usdt_provider_new(text, &usdt) :
								   -EINVAL;
	if (err == -EINVAL)
		return PyErr_Format(PyExc_ValueError,
				    "%R is not a provider's name: letters, digits and _, 53 at "
				    "most, no digit first or last",
				    name);
	if (err)
		return PyErr_NoMemory();
	p = (struct provider *)type->tp_alloc(type, 0);
	if (!p) {
		usdt_provider_free(usdt);
		return NULL;
	}
	p->usdt = usdt;
	Py_INCREF(name);
	p->name = name;
	return (PyObject *)p;
}

static void provider_dealloc(PyObject *self)
{
	struct provider *p = (struct provider *)self;
	PyTypeObject *type = Py_TYPE(self);

	usdt_provider_free(p->usdt);
	Py_DECREF(p->name);
	type->tp_free(self);
	Py_DECREF(type);
}

/* ---- The type ---------------------------------------------------------------------------- */

PyDoc_STRVAR(
	provider_doc,
	"Provider(name)\n--\n\n"
	"Probes that tracers list under one name, NAME and the process's number:\n\n"
	"    shop = usdt.Provider('shop')\n"
	"    order = shop.probe('order', int, str)\n"
	"    shop.enable()\n"
	"    order(1, 'x')\n\n"
	"ValueError: the name is not letters, digits and _, at most 53, no digit first or last.\n"
	"Several providers may have one name. A provider ends, and tracers see it no more, when\n"
	"nothing refers to it or to its probes.");

PyDoc_STRVAR(probe_doc,
	     "probe($self, name, /, *types, **named_types)\n--\n\n"
	     "Make a probe, a callable, that enable() then shows.\n\n"
	     "name: 'request-start', or 'Server.run:request-start' to be shown in a function.\n"
	     "types: int, str, bytes, float, bool, or a C type as text: 'int8_t' to 'uint64_t',\n"
	     "'float', 'double', 'void *'; at most 12. id=int names the argument, too.\n"
	     "TypeError, ValueError: not a type, not a name, or a probe that the provider has.");

PyDoc_STRVAR(enable_doc,
	     "enable($self, /)\n--\n\n"
	     "Show all probes that were made since the last call to tracers.\n\n"
	     "OSError: no memory, no free descriptor, or a processor that libusdt does not know.");

PyDoc_STRVAR(disable_doc,
	     "disable($self, /)\n--\n\n"
	     "Hide all probes. Calling them does nothing until enable() shows them again.");

static PyMethodDef provider_methods[] = {
	{ "probe", (PyCFunction)(void (*)(void))provider_probe, METH_VARARGS | METH_KEYWORDS,
	  probe_doc },
	{ "enable", provider_enable, METH_NOARGS, enable_doc },
	{ "disable", provider_disable, METH_NOARGS, disable_doc },
	{ NULL, NULL, 0, NULL },
};

static PyMemberDef provider_members[] = {
	{ "name", T_OBJECT, offsetof(struct provider, name), READONLY, "The provider's name." },
	{ NULL, 0, 0, 0, NULL },
};

static PyType_Slot provider_slots[] = {
	{ Py_tp_doc, (void *)provider_doc },
	{ Py_tp_new, (void *)provider_new },
	{ Py_tp_dealloc, (void *)provider_dealloc },
	{ Py_tp_repr, (void *)provider_repr },
	{ Py_tp_methods, (void *)provider_methods },
	{ Py_tp_members, (void *)provider_members },
	{ 0, NULL },
};

PyObject *provider_type_new(PyObject *probe_type)
{
	static PyType_Spec spec = {
		.name = "usdt.Provider",
		.basicsize = sizeof(struct provider),
		.flags = Py_TPFLAGS_DEFAULT,
		.slots = provider_slots,
	};
	PyObject *type = PyType_FromSpec(&spec);

	if (type && PyObject_SetAttrString(type, "_Probe", probe_type))
		Py_CLEAR(type);
	return type;
}
