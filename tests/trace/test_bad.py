#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Bad input, missing rights and sudden ends: the status, the whole message, nothing left behind."""
import os
import re
import signal
import subprocess
import sys
import time

from lib import DTRACE, FOLDER, bpf_state, build_app, dtrace, main, must, settled, sh

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
COUNT = "app$target:::hit { @ = count(); }"
LIMIT = 20


def put(name, text, mode=0o644):
    path = os.path.join(FOLDER, name)
    with open(path, "wb" if isinstance(text, bytes) else "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def temporary():
    return {n for n in os.listdir("/tmp") if "dtrace" in n or "usdt" in n}


def gone(before):
    """What others hold may go away meanwhile; ours may not stay."""
    now = settled(before)
    return all(now[k] <= before[k] for k in before)


def says(status, message, *args):
    """Runs dtrace ARGS: this status, exactly this on stderr, nothing left behind."""
    before, files = bpf_state(), temporary()
    p = dtrace(*args, timeout=LIMIT)
    assert (p.returncode, p.stderr) == (status, message), (p.returncode, p.stderr)
    assert gone(before)
    assert temporary() == files, temporary() - files
    return p.stdout


def caret(place, what, line, column):
    return "%s: %s\n%s\n%s^\n" % (place, what, line,
                                  re.sub(r"[^\t]", " ", line[:column - 1]))


def c_program(name, body, provider=None):
    build_app()
    if provider:
        must(DTRACE, "-h", "-s", put(name + ".d", provider), "-o", os.path.join(FOLDER, name + ".h"))
    source = put(name + ".c", '#include "%s.h"\n%s' % (name if provider else "app", body))
    out = os.path.join(FOLDER, name)
    must("gcc", "-O1", "-no-pie", "-I", FOLDER, "-o", out, source)
    return out


class Running:
    """A process that is killed at the end, whatever happens."""
    def __init__(self, *args, **kw):
        self.p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, **kw)

    def __enter__(self):
        return self.p

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.kill()
            self.p.communicate(timeout=LIMIT)


def until(what, seconds=10):
    end = time.time() + seconds
    while time.time() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def test_no_such_process():
    says(1, "dtrace: failed to grab process 999999: No such process\n",
         "-p", "999999", "-n", "app$target:::hit { }")


def test_no_such_probe():
    for text in ("nosuch:::probe", "syscall::nosuch:entry"):
        says(1, "-n:1:1: probe description %s does not match any probes\n%s\n^%s\n"
             % (text, text, "~" * (len(text) - 1)), "-n", text)


def test_no_such_command():
    says(1, "dtrace: failed to execute /nonexistent/x: No such file or directory\n",
         "-c", "/nonexistent/x", "-n", COUNT)


def test_output_cannot_be_written():
    says(1, "dtrace: failed to open /nonexistent/x: No such file or directory\n",
         "-o", "/nonexistent/x", "-c", build_app(), "-n", COUNT)


def test_provider_with_an_error():
    path = put("bad.d", "provider x {\n\tprobe a(int;\n};\n")
    message = caret(path + ":2:13", "syntax error near ';': expected ')'", "\tprobe a(int;", 13)
    for flag in ("-h", "-G"):
        out = os.path.join(FOLDER, "bad.out")
        says(1, message, flag, "-s", path, "-o", out)
        assert not os.path.exists(out), flag


def test_script_with_an_error():
    path = put("bads.d", "BEGIN\n{\n\tx = 1 +;\n}\n")
    says(1, caret(path + ":3:9", "syntax error near ';': expected an expression", "\tx = 1 +;", 9),
         "-s", path)


def test_truncated_program():
    with open(build_app(), "rb") as f:
        image = f.read()
    path = put("truncated", image[:3000], 0o755)
    says(1, "dtrace: failed to execute %s: Exec format error\n" % path, "-c", path, "-n", COUNT)


def test_mangled_notes():
    """Whatever a note says: an end in time, by itself, and one clear message or none."""
    with open(build_app(), "rb") as f:
        image = bytearray(f.read())
    start = image.find(b"stapsdt\0")
    assert start > 0
    for at in list(range(start - 12, start + 36, 4)):
        bad = bytearray(image)
        bad[at:at + 4] = b"\xff\xff\xff\x7f"
        path = put("mangled%d" % at, bytes(bad), 0o755)
        before = bpf_state()
        p = dtrace("-q", "-c", path + " -n 1", "-n", COUNT, timeout=LIMIT)
        assert p.returncode in (0, 1), (at, p.returncode, p.stderr)
        assert bool(p.stderr) == (p.returncode == 1), (at, p.stderr)
        assert gone(before)


def test_not_root():
    os.chmod(FOLDER, 0o755)
    p = sh(*NOBODY, DTRACE, "-n", "BEGIN { exit(0); }", timeout=LIMIT)
    assert p.returncode == 1 and p.stderr == (
        "dtrace: tracing needs root, or the capabilities CAP_BPF and CAP_PERFMON\n"), p.stderr


def test_two_capabilities_are_enough():
    os.chmod(FOLDER, 0o755)
    only = "-all,+bpf,+perfmon"
    p = sh(*NOBODY, "--inh-caps=" + only, "--ambient-caps=" + only, "--bounding-set=" + only,
           DTRACE, "-q", "-c", build_app() + " -n 7", "-n", COUNT, timeout=LIMIT)
    assert (p.returncode, p.stdout.split(), p.stderr) == (0, ["7"], ""), (p.stdout, p.stderr)


def test_traced_program_aborts():
    path = c_program("aborts", "#include <stdlib.h>\nint main(void) { APP_HIT(3, \"x\"); abort(); }\n")
    out = says(0, "", "-q", "-c", path, "-n", COUNT)
    assert out.split() == ["1"], out


def test_traced_process_is_killed():
    before = bpf_state()
    with Running(build_app(), "-w", "/nonexistent") as app:
        with Running(DTRACE, "-q", "-p", str(app.pid), "-n",
                     'BEGIN { printf("go\\n"); } app$target:::hit { } END { printf("end\\n"); }') as d:
            assert d.stdout.readline() == "go\n"
            app.kill()
            out, err = d.communicate(timeout=LIMIT)
            assert (d.returncode, out.split(), err) == (0, ["end"], ""), (out, err)
    assert gone(before)


def test_signals_end_tracing():
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        before = bpf_state()
        with Running(DTRACE, "-q", "-n", 'BEGIN { @ = sum(41); printf("go\\n"); }'
                     ' END { printf("end\\n"); }') as d:
            assert d.stdout.readline() == "go\n"
            d.send_signal(sig)
            out, err = d.communicate(timeout=LIMIT)
            assert (d.returncode, out.split(), err) == (0, ["end", "41"], ""), (sig, out, err)
        assert gone(before)


def test_reader_goes_away():
    before = bpf_state()
    with Running(DTRACE, "-q", "-c", build_app() + " -n 100000", "-n",
                 'app$target:::hit { printf("%d\\n", arg0); }') as d:
        assert d.stdout.readline().strip() == "0"
        d.stdout.close()
        assert until(lambda: d.poll() is not None), "dtrace runs on"
        assert d.stderr.read() == ""
    assert gone(before)


def semaphore(pid, address):
    with open("/proc/%d/mem" % pid, "rb") as f:
        f.seek(address)
        return int.from_bytes(f.read(2), "little")


def process_state(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def test_consumer_is_killed():
    path = c_program("sem", "#include <unistd.h>\nint main(void)\n{\n\tfor (;;) {\n\t\tif "
                     "(SEM_TICK_ENABLED())\n\t\t\tSEM_TICK(1);\n\t\tusleep(1000);\n\t}\n}\n",
                     "provider sem { probe tick(int); };\n")
    found = re.findall(r"^([0-9a-f]+) \S (\S*semaphore\S*)$", must("nm", path), re.M)
    assert len(found) == 1, found
    address, before = int(found[0][0], 16), bpf_state()
    with Running(DTRACE, "-q", "-c", path, "-n",
                 'sem$target:::tick /!n++/ { printf("%d\\n", pid); }') as d:
        pid = int(d.stdout.readline())
        try:
            assert semaphore(pid, address) == 1
            d.kill()
            assert until(lambda: semaphore(pid, address) == 0, 1), "the semaphore stays"
            assert process_state(pid) in "SR", process_state(pid)
        finally:
            os.kill(pid, signal.SIGKILL)
    assert gone(before)


main(sys.modules[__name__])
