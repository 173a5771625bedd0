# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the package usdt without a tracer. test_python.py runs them under each interpreter."""
import gc
import importlib
import inspect
import os
import subprocess
import sys
import threading
import unittest

import usdt


def visible(name):
    with open("/proc/self/maps") as f:
        return ("/memfd:usdt:%s " % name) in f.read()


class Names(unittest.TestCase):
    def test_provider_names(self):
        for name in ("", "1a", "a1", "a-b", "a b", "a\0b", "\u00e4", "a" * 54):
            with self.assertRaisesRegex(ValueError, "is not a provider's name"):
                usdt.Provider(name)
        self.assertEqual(usdt.Provider("a" * 53).name, "a" * 53)
        self.assertEqual(usdt.Provider(name="shop").name, "shop")
        for wrong in (1, None, b"shop"):
            self.assertRaises(TypeError, usdt.Provider, wrong)
        self.assertRaises(TypeError, usdt.Provider)
        self.assertRaises(UnicodeEncodeError, usdt.Provider, "\udc80")

    def test_probe_names(self):
        shop = usdt.Provider("shop")
        for name in ("", "1a", "-a", "a b", "a\0b", "\u00e4", ":a", "a" * 128):
            with self.assertRaisesRegex(ValueError, "is not a probe's name"):
                shop.probe(name)
        for wrong in (1, None, b"a"):
            self.assertRaises(TypeError, shop.probe, wrong)
        self.assertRaises(TypeError, shop.probe)
        probes = [shop.probe(n) for n in ("request-start", "Server.run:request-start", "a1")]
        self.assertEqual([p.name for p in probes], ["request-start", "Server.run:request-start", "a1"])

    def test_one_probe_of_a_name(self):
        shop = usdt.Provider("shop")
        order = shop.probe("order", int)
        with self.assertRaisesRegex(ValueError, "provider shop has a probe 'order' already"):
            shop.probe("order", int)
        with self.assertRaisesRegex(ValueError, "other types in another function"):
            shop.probe("other:order", str)
        usdt.Provider("shop").probe("order", str)("x")
        del order
        shop.probe("order", str)("x")


class Types(unittest.TestCase):
    def test_types(self):
        names = ["int%d_t" % n for n in (8, 16, 32, 64)] + ["uint%d_t" % n for n in (8, 16, 32, 64)]
        every = (int, str, bytes, float, bool, "float", "double", "void *") + tuple(names)
        shop = usdt.Provider("shop")
        for i, t in enumerate(every):
            self.assertEqual(shop.probe("p%d" % i, t).types, (t,))
        with self.assertRaisesRegex(TypeError, "is not a type of arguments: int, str"):
            shop.probe("order", list)
        self.assertRaises(TypeError, shop.probe, "order", None)
        for text in ("", "int", "int32_t, int32_t", "struct x", "int8_t "):
            self.assertRaises(ValueError, shop.probe, "order", text)

    def test_twelve_arguments_at_most(self):
        shop = usdt.Provider("shop")
        shop.probe("order", *[int] * 12)(*range(12))
        with self.assertRaisesRegex(ValueError, "at most 12 arguments"):
            shop.probe("many", *[int] * 13)

    def test_names_of_arguments(self):
        shop = usdt.Provider("shop")
        self.assertEqual(shop.probe("order", int, item=str).types, (int, str))
        for name in ("a, int b", "1a", "\u00e4", "a b"):
            with self.assertRaisesRegex(ValueError, "is not a name that an argument may have"):
                shop.probe("wrong", **{name: int})


class Calls(unittest.TestCase):
    def test_values(self):
        shop = usdt.Provider("shop")
        p = shop.probe("p", int, str, bytes, float, bool)
        shop.enable()

        class Text(str):
            pass
        for values in ((1, "x", b"x", 1.5, True), (True, Text("x"), b"", 1, False), (2 ** 100, "\udc80\ud800", b"\0", 10 ** 400,
                                                                               True)):
            self.assertIsNone(p(*values))
            self.assertIsNone(p.fire(*values))
        for at, wrong in enumerate(("1", 1, "x", "1", 1)):
            values = [1, "x", b"x", 1.5, True]
            values[at] = wrong
            for call in (p, p.fire):
                with self.assertRaisesRegex(TypeError, "^argument %d of probe p is (str|int), not " % (at + 1)):
                    call(*values)
        for wrong in (None, 1.5, [], object()):
            self.assertRaises(TypeError, p, wrong, "x", b"x", 1.5, True)

    def test_counts(self):
        shop = usdt.Provider("shop")
        one, none = shop.probe("one", int), shop.probe("none")
        for call, values in ((one, ()), (one, (1, 2)), (none, (1,)), (none.fire, (1,)), (one.fire, ())):
            with self.assertRaisesRegex(TypeError, r"^probe \w+ takes [01] arguments? \(\d given\)$"):
                call(*values)
        self.assertRaises(TypeError, one, x=1)
        self.assertRaises(TypeError, one, 1, x=1)
        self.assertIsNone(one(1, **{}))

    def test_probes_are_made_by_providers(self):
        self.assertRaises(TypeError, usdt.Probe)
        with self.assertRaises(TypeError):
            class Mine(usdt.Probe):
                pass


class Lives(unittest.TestCase):
    def test_shown_and_hidden(self):
        shop = usdt.Provider("lives")
        order = shop.probe("order", int)
        self.assertFalse(visible("lives"))
        for _ in range(3):
            shop.enable()
            shop.enable()
            self.assertTrue(visible("lives"))
            order(1)
            shop.disable()
            shop.disable()
            self.assertFalse(visible("lives"))
            order(1)
        self.assertIs(order.enabled, False)
        self.assertIs(order.provider, shop)
        self.assertEqual((repr(shop), repr(order)), ("<usdt.Provider lives>", "<usdt.Probe lives:::order>"))

    def test_gone_when_nothing_refers_to_it(self):
        shop = usdt.Provider("gone")
        order = shop.probe("order", int)
        shop.enable()
        provider = shop
        del shop, provider
        self.assertTrue(visible("gone"))        # the probe keeps the provider
        order(1)
        del order
        gc.collect()
        self.assertFalse(visible("gone"))

    def test_no_reference_is_lost(self):
        def counts():
            return [sys.getrefcount(x) for x in (usdt.Provider, usdt.Probe, values[1], name)]
        values, name = (1, "".join(["order", "\u20ac"]), b"x", 1.5), "".join(["or", "der"])
        before = counts()
        for _ in range(200):
            shop = usdt.Provider("lost")
            p = shop.probe(name, int, str, b=bytes, c=float)
            shop.enable()
            p(*values)
            for wrong in ((), (1, 2, 3, 4)):
                try:
                    p(*wrong)
                except TypeError:
                    pass
            for types in ((int, list), (int,) * 13):
                try:
                    shop.probe("q", *types)
                except (TypeError, ValueError):
                    pass
            del shop, p
        self.assertEqual(counts(), before)

    def test_a_thousand_probes(self):
        shop = usdt.Provider("many")
        probes = [shop.probe("p-%d-x" % i, int) for i in range(1000)]
        shop.enable()
        for i, p in enumerate(probes):
            p(i)
        del probes[::2], p
        for p in probes:
            p(1)

    def test_threads(self):
        shop, errors = usdt.Provider("threads"), []

        def work(i):
            try:
                for k in range(200):
                    p = shop.probe("p%d-%d-x" % (i, k), int, str)
                    shop.enable()
                    p(k, "\u20ac")
            except Exception as e:      # noqa: any exception is a failure
                errors.append(e)
        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(errors, [])

    def test_forks(self):
        shop = usdt.Provider("forks")
        order = shop.probe("order", int)
        shop.enable()
        pid = os.fork()
        if not pid:
            try:
                order(1)
                shop.disable()
                mine = usdt.Provider("mine")
                mine.probe("p", int)
                del order, shop
                os._exit(0 if not visible("forks") else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertTrue(visible("forks"))
        order(2)

    def test_reload(self):
        shop = usdt.Provider("reload")
        order = shop.probe("order", int)
        shop.enable()
        again = importlib.reload(usdt)
        again.Provider("reload").probe("order", str)("x")
        order(1)
        kept = {name: sys.modules.pop(name) for name in ("usdt", "usdt._usdt")}
        fresh = importlib.import_module("usdt")
        self.assertIsNot(fresh.Provider, usdt.Provider)
        p = fresh.Provider("reload").probe("order", str)
        p("x")
        order(1)
        sys.modules.update(kept)

    def test_exit_while_enabled(self):
        for end in ("", "import os; os._exit(0)", "import sys; sys.exit(0)", "x = [order]; x.append(x)",
                    "import threading, time\ndef f():\n  while True: order(1, 'x')\n"
                    "threading.Thread(target=f, daemon=True).start(); time.sleep(0.05)",
                    "import atexit; atexit.register(order, 2, 'y')",
                    "class A:\n  def __del__(self, o=order): o(3, 'z')\na = A()"):
            code = "import usdt; shop = usdt.Provider('shop'); order = shop.probe('order', int, str); shop.enable()\n"
            p = subprocess.run([sys.executable, "-X", "dev", "-c", code + end], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.assertEqual((p.returncode, p.stdout), (0, b""), end)

    def test_interpreters(self):
        """Each interpreter has its own types, also where each has its own lock."""
        for name in ("_interpreters", "_xxsubinterpreters"):
            try:
                subs = importlib.import_module(name)
                break
            except ImportError:
                continue
        else:
            self.skipTest("this interpreter cannot make others")
        shop = usdt.Provider("subs")
        order = shop.probe("order", int)
        shop.enable()
        code = ("import sys; sys.path[:] = %r; import usdt; shop = usdt.Provider('inner');"
                " order = shop.probe('order', int, str); shop.enable(); order(1, 'x')" % (sys.path,))
        ids = [subs.create() for _ in range(3)]
        for i in ids:
            self.assertIsNone(subs.run_string(i, code))
        self.assertTrue(visible("inner"))
        for i in ids:
            subs.destroy(i)
        self.assertFalse(visible("inner"))
        order(1)


class Words(unittest.TestCase):
    def test_docstrings(self):
        for thing in (usdt, usdt.Provider, usdt.Provider.probe, usdt.Provider.enable, usdt.Provider.disable,
                      usdt.Provider.name, usdt.Probe, usdt.Probe.fire, usdt.Probe.enabled, usdt.Probe.name,
                      usdt.Probe.types, usdt.Probe.provider):
            self.assertTrue(thing.__doc__ and thing.__doc__.strip(), thing)
        self.assertEqual(str(inspect.signature(usdt.Provider.probe)), "(self, name, /, *types, **named_types)")

    def test_type_hints_name_what_is_there(self):
        with open(os.path.join(os.path.dirname(usdt.__file__), "_usdt.pyi")) as f:
            hints = f.read()
        self.assertTrue(os.path.exists(os.path.join(os.path.dirname(usdt.__file__), "py.typed")))
        for cls in (usdt.Provider, usdt.Probe):
            body = hints.split("class %s:" % cls.__name__)[1].split("\nclass ")[0]
            for name in vars(cls):
                if not name.startswith("_"):
                    self.assertIn(" def %s(" % name, body)


if __name__ == "__main__":
    unittest.main()
