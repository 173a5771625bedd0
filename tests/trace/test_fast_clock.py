# SPDX-License-Identifier: BSD-2-Clause
"""A clock at the highest rate takes most of a processor: ending must need little processor time."""
import subprocess
import sys
import time

from lib import EMULATED, Skip, dtrace, main

LOAD = 8


def test_exit_is_seen_at_once_on_a_loaded_machine():
    """exit() must end tracing soon, at 100,000 ticks a second beside busy processes (it once took
    30 s)."""
    if EMULATED:
        raise Skip("an emulated processor has no time for 100,000 ticks a second")
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(LOAD)]
    try:
        for clause in ("@ = count();", "trace(1);"):
            start = time.time()
            p = dtrace("-q", "-n", "profile-100000 { %s } tick-300ms { exit(7); }" % clause)
            took = time.time() - start
            assert p.returncode == 7 and took < 6, (clause, p.returncode, "%.1f s" % took, p.stderr[-300:])
    finally:
        for b in busy:
            b.kill()
            b.wait()


main(sys.modules[__name__])
