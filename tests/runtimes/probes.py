# SPDX-License-Identifier: BSD-2-Clause
"""Fires probes of the package usdt a known number of times: probes.py PROVIDER MODE.

The probe `order` is (int, str) in every mode; MODE names a function below.
"""
import os
import sys
import threading
import time

import usdt

shop = usdt.Provider(sys.argv[1])
order = shop.probe("order", int, str)
every = shop.probe("every", int, str, bytes, float, bool, "int8_t", "uint16_t", "uint64_t", "float", "int32_t", "void *",
                   name=str)
named = shop.probe("Shop.sell:sold", id="int32_t", item=str)
shop.enable()


def say(text):
    print(text, flush=True)


def wait(what, seconds=60):
    end = time.time() + seconds
    while not what():
        if time.time() > end:
            sys.exit("nothing changed in %d s" % seconds)
        time.sleep(0.005)


def sell(n=1000):
    for i in range(n):
        order(i, ("zero", "one", "two")[i % 3])


def count():
    sell()


def values():
    every(-(2 ** 63), "gr\u00fc\u00df \u20ac", b"raw", 1.5, True, -128, 65535, 2 ** 64 - 1, 0.1, -1, 2 ** 32, "last")
    every(2 ** 64 + 7, "\udcff\udc80", b"", 3, False, 255, -1, -1, 2, 2 ** 31, 0, "")
    every(0, "\ud800!", b"a\0b", -(10 ** 400), True, 0, 0, 0, 10 ** 400, 0, 0, "a\0b")
    named(7, "seven")
    order.fire(8, "eight")


def errors():
    """Wrong calls raise TypeError and fire nothing, traced or not."""
    caught = 0
    for wrong in ((), (1,), (1, "x", 2), ("x", 1), (1, b"x"), (1.0, "x"), (None, "x")):
        for call in (order, order.fire):
            try:
                call(*wrong)
            except TypeError:
                caught += 1
    order(caught, "caught")


def fire_others():
    named(7, "seven")
    every(1, "x", b"x", 1.5, True, 1, 2, 3, 0.5, -1, 2 ** 32, "last")


def flips():
    say("off" if not order.enabled else "on?")
    for _ in range(2):
        wait(lambda: order.enabled)
        say("on")
        wait(lambda: fire_others() or not order.enabled)
        say("off")


def forks():
    pid = os.fork()
    sell(300)
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    sell(100)
    pid = os.fork()
    if not pid:
        shop.disable()
        sell(50)
        mine = usdt.Provider(sys.argv[1]).probe("order", int, str)
        mine.provider.enable()
        wait(lambda: mine.enabled)      # a whole-system tracer needs a moment for a new object
        for i in range(7):
            mine(i, "mine")
        os._exit(0)
    os.waitpid(pid, 0)


def threads():
    all_of = [threading.Thread(target=sell) for _ in range(8)]
    for t in all_of:
        t.start()
    for t in all_of:
        t.join()


def toggles():
    for _ in range(20):
        shop.disable()
        sell(10)
        shop.enable()
        sell(20)


def reload():
    """The reloaded module fires its own probes; probes of the first module still fire."""
    import importlib
    sell(10)
    importlib.reload(usdt)
    again = usdt.Provider(sys.argv[1])
    p = again.probe("order", int, str)
    again.enable()
    sell(20)
    for i in range(5):
        p(i, "again")
    kept = [sys.modules.pop(m) for m in ("usdt", "usdt._usdt")]
    import usdt as fresh
    assert fresh is not kept[0]
    other = fresh.Provider(sys.argv[1])
    q = other.probe("order", int, str)
    other.enable()
    q(1, "fresh")
    sell(1)


def dropped():
    """Makes and drops providers and probes."""
    global order
    sell(10)
    for i in range(30):
        p = usdt.Provider(sys.argv[1]).probe("order", int, str)
        p.provider.enable()
        p(i, "brief")
    del p, order
    named(1, "there")


def leaves():
    """Ends by os._exit: all hits before are counted."""
    sell(500)
    os._exit(0)


def dies():
    class Last:
        def __del__(self, fire=order):
            fire(1, "last")
    globals()["x"] = Last()
    import atexit
    atexit.register(order, 2, "exit")
    sell(500)


globals()[sys.argv[2]]()
