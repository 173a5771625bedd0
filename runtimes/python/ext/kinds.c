/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtimes/python/ext/kinds.c: the types of arguments.
 * In:   the types that Provider.probe gets; the values that a probe is called with.
 * Out:  a row of kinds.def; a word for usdt_point_fire.
 * Owns: nothing.
 */
#include "inner.h"

#include <math.h>

/* ---- Integers ------------------------------------------------------------------------- */

static bool accepts_integer(PyObject *value)
{
	return PyLong_Check(value);
}

/* Passes the low bits, as a conversion in C does, so an int may have any size. */
static uint64_t word_integer(PyObject *value, PyObject **kept)
{
	(void)kept;
	return usdt_unsigned(PyLong_AsUnsignedLongLongMask(value));
}

static bool accepts_truth(PyObject *value)
{
	return PyBool_Check(value);
}

static uint64_t word_truth(PyObject *value, PyObject **kept)
{
	(void)kept;
	return value == Py_True;
}

/* ---- Floating point -------------------------------------------------------------------- */

/* As in type annotations, an int may stand for a float. */
static bool accepts_real(PyObject *value)
{
	return PyFloat_Check(value) || PyLong_Check(value);
}

static double number(PyObject *value)
{
	double d;

	if (PyFloat_Check(value))
		return PyFloat_AS_DOUBLE(value);
	d = PyLong_AsDouble(value);
	if (PyErr_Occurred()) { /* too large */
		PyErr_Clear();
		return _PyLong_Sign(value) < 0 ? -HUGE_VAL : HUGE_VAL;
	}
	return d;
}

static uint64_t word_real(PyObject *value, PyObject **kept)
{
	(void)kept;
	return usdt_double(number(value));
}

static bool accepts_single(PyObject *value)
{
	return accepts_real(value);
}

static uint64_t word_single(PyObject *value, PyObject **kept)
{
	(void)kept;
	return usdt_float((float)number(value));
}

/* ---- Strings ---------------------------------------------------------------------------- */

static bool accepts_bytes(PyObject *value)
{
	return PyBytes_Check(value);
}

static uint64_t word_bytes(PyObject *value, PyObject **kept)
{
	(void)kept;
	return usdt_pointer(PyBytes_AS_STRING(value));
}

static bool accepts_text(PyObject *value)
{
	return PyUnicode_Check(value);
}

/*
 * Passes UTF-8. A string without UTF-8 that is a decoded file name is passed as
 * its bytes, another one with escapes. PyUnicode_AsUTF8 would keep the bytes
 * for as long as the string lives.
 */
static uint64_t word_text(PyObject *value, PyObject **kept)
{
	static const char *const handlers[] = { "strict", "surrogateescape", "backslashreplace" };

	if (PyUnicode_IS_COMPACT_ASCII(value))
		return usdt_pointer(PyUnicode_1BYTE_DATA(value));
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		*kept = PyUnicode_AsEncodedString(value, "utf-8", handlers[i]);
		if (*kept)
			return usdt_pointer(PyBytes_AS_STRING(*kept));
		PyErr_Clear();
	}
	return usdt_pointer(""); /* no memory */
}

/* ---- The table --------------------------------------------------------------------------- */

static const struct kind kinds[] = {
#define BY_TYPE(TYPE, C, WORD) { &TYPE, true, C, accepts_##WORD, word_##WORD },
#define BY_NAME(TYPE, C, WORD) { &TYPE, false, C, accepts_##WORD, word_##WORD },
#include "kinds.def"
};

const struct kind *kind_of(PyObject *type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct kind *k = &kinds[i];

		if (k->by_type ? type == (PyObject *)k->type :
				 PyUnicode_Check(type) &&
					 PyUnicode_CompareWithASCIIString(type, k->c) == 0)
			return k;
	}
	PyErr_Format(PyUnicode_Check(type) ? PyExc_ValueError : PyExc_TypeError,
		     "%R is not a type of arguments: int, str, bytes, float, bool, or the text "
		     "'int8_t' to 'uint64_t', 'float', 'double', 'void *'",
		     type);
	return NULL;
}
