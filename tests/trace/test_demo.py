#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The demonstration prints what README and quickstart promise."""
import os
import re
import sys

from lib import DTRACE, HERE, PREEMPTS, Skip, main, must


def test_the_path_from_a_method_to_the_scheduler():
    for interpreter in ("/usr/bin/python3.11", "/usr/bin/ruby"):
        if not os.path.exists(interpreter):
            raise Skip("no " + interpreter)
    out = must(os.path.join(HERE, "..", "..", "examples", "demo", "run"), DTRACE)
    count = lambda pattern: len(re.findall(pattern, out, re.M))
    assert count(r"Python method +fetch\(\)") == 3 and count(r"Python method +report\(\)") == 1, out
    assert count(r"Ruby method +Object#fetch") == 2 and count(r"Ruby method +Object#report") == 1, out
    assert count(r"USDT request-start +request [1-5] for /") == 5, out
    assert count(r"USDT request-done +request [1-5], \d+ bytes") == 5, out
    assert count(r"server +system call +write\(\) = \d+ in \d+ us") == 5, out
    assert count(r"server +scheduler +leaves CPU") >= 5, out
    assert count(r"server`main\+0x[0-9a-f]+$") == 1, out
    times = [int(t) for t in re.findall(r"^ *(\d+) \w\S* +(?:USDT|system call|Python|Ruby|scheduler)", out, re.M)]
    # A program preempted between reading the clock and recording is printed late.
    assert (times == sorted(times) or PREEMPTS) and len(times) > 20, times
    assert count(r"^  Python +fetch +3$") == 1 and count(r"^  Ruby +fetch +2$") == 1, out


main(sys.modules[__name__])
