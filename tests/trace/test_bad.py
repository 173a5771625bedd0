#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Bad input, missing rights and sudden ends: right status and messages, nothing left behind."""
import os
import re
import signal
import sys
import time

from before import LIMIT, Before, Running, caret, children, none_matches, process_state, says, until
from lib import DTRACE, FOLDER, Skip, build_app, dtrace, main, must, sh

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
COUNT = "app$target:::hit { @ = count(); }"


def put(name, text, mode=0o644):
    path = os.path.join(FOLDER, name)
    with open(path, "wb" if isinstance(text, bytes) else "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def c_program(name, body, provider=None):
    build_app()
    if provider:
        must(DTRACE, "-h", "-s", put(name + ".d", provider), "-o", os.path.join(FOLDER, name + ".h"))
    source = put(name + ".c", '#include "%s.h"\n%s' % (name if provider else "app", body))
    out = os.path.join(FOLDER, name)
    must("gcc", "-O1", "-no-pie", "-I", FOLDER, "-o", out, source)
    return out


class Victim(Running):
    """Fires sem:::tick while a consumer has enabled the probe; semaphore() reads the count."""
    def __init__(self):
        path = c_program("sem", "#include <unistd.h>\nint main(void)\n{\n\tfor (;;) {\n\t\tif "
                         "(SEM_TICK_ENABLED())\n\t\t\tSEM_TICK(1);\n\t\tusleep(1000);\n\t}\n}\n",
                         "provider sem { probe tick(int); };\n")
        super().__init__(path)

    def __enter__(self):
        assert until(lambda: os.path.basename(os.readlink("/proc/%d/exe" % self.p.pid)) == "sem")
        return self

    def semaphore(self, pid=None):
        found = re.findall(r"^([0-9a-f]+) \S (\S*semaphore\S*)$", must("nm", os.path.join(FOLDER, "sem")), re.M)
        assert len(found) == 1, found
        with open("/proc/%d/mem" % (pid or self.p.pid), "rb") as f:
            f.seek(int(found[0][0], 16))
            return int.from_bytes(f.read(2), "little")


def test_no_such_process():
    says(1, "dtrace: failed to grab process 999999: No such process\n",
         "-p", "999999", "-n", "app$target:::hit { }")


def test_no_such_probe():
    for text in ("nosuch:::probe", "syscall::nosuch:entry"):
        says(1, none_matches(text), "-n", text)


def test_the_process_of_a_provider_is_not_there():
    for part in ("999999999", "4194304"):
        text = "app%s:::hit { }" % part
        says(1, none_matches(text, "there is no process " + part), "-n", text)
    with Running("/bin/true") as zombie:
        assert until(lambda: process_state(zombie.pid) == "Z")
        text = "app%d:::hit { }" % zombie.pid
        says(1, none_matches(text, "process %d has ended" % zombie.pid), "-n", text)


def test_no_such_command():
    says(1, "dtrace: failed to execute /nonexistent/x: No such file or directory\n",
         "-c", "/nonexistent/x", "-n", COUNT)


def test_output_cannot_be_written():
    says(1, "dtrace: failed to open /nonexistent/x: No such file or directory\n",
         "-o", "/nonexistent/x", "-c", build_app(), "-n", COUNT)


def test_provider_with_an_error():
    path = put("bad.d", "provider x {\n\tprobe a(int;\n};\n")
    message = caret(path + ":2", "syntax error near ';': expected ')'", "\tprobe a(int;", 13)
    for flag in ("-h", "-G"):
        out = os.path.join(FOLDER, "bad.out")
        says(1, message, flag, "-s", path, "-o", out)
        assert not os.path.exists(out), flag


def test_script_with_an_error():
    path = put("bads.d", "BEGIN\n{\n\tx = 1 +;\n}\n")
    says(1, caret(path + ":3", "syntax error near ';': expected an expression", "\tx = 1 +;", 9),
         "-s", path)


def test_not_root():
    os.chmod(FOLDER, 0o755)
    before = Before()
    p = sh(*NOBODY, DTRACE, "-n", "BEGIN { exit(0); }", timeout=LIMIT)
    assert (p.returncode, p.stdout, p.stderr) == (
        1, "", "dtrace: tracing needs root, or the capabilities CAP_BPF and CAP_PERFMON\n"), p.stderr
    before.again()


def test_two_capabilities_are_enough():
    os.chmod(FOLDER, 0o755)
    only, before = "-all,+bpf,+perfmon", Before()
    p = sh(*NOBODY, "--inh-caps=" + only, "--ambient-caps=" + only, "--bounding-set=" + only,
           DTRACE, "-q", "-c", build_app() + " -n 7", "-n", COUNT, timeout=LIMIT)
    assert (p.returncode, p.stdout.split(), p.stderr) == (0, ["7"], ""), (p.stdout, p.stderr)
    before.again()


def test_traced_program_aborts():
    path = c_program("aborts", "#include <stdlib.h>\nint main(void) { APP_HIT(3, \"x\"); abort(); }\n")
    out = says(0, "", "-q", "-c", path, "-n", COUNT)
    assert out.split() == ["1"], out


def test_traced_process_is_killed():
    for flags in (["-p"], []):
        before = Before()
        with Victim() as v:
            args = ["-p", str(v.p.pid)] if flags else []
            with Running(DTRACE, "-q", *args, "-n", 'sem%d:::tick /!n++/ { printf("go\\n"); }'
                         ' END { printf("end\\n"); }' % v.p.pid) as d:
                assert d.stdout.readline() == "go\n"
                v.p.kill()
                v.p.communicate()
                if not flags:  # without -p or -c, dtrace runs on
                    time.sleep(0.3)
                    assert d.poll() is None
                    d.send_signal(signal.SIGINT)
                out, err = d.communicate(timeout=LIMIT)
                assert (d.returncode, out.split(), err) == (0, ["end"], ""), (out, err)
        before.again()


def ends_by(sig):
    with Victim() as v:
        before = Before()
        with Running(DTRACE, "-q", "-n", 'BEGIN { @ = sum(41); } sem*:::tick /!n++/ { printf("go\\n"); }'
                     ' END { printf("end\\n"); }') as d:
            assert d.stdout.readline() == "go\n"
            assert v.semaphore() == 1
            d.send_signal(sig)
            out, err = d.communicate(timeout=LIMIT)
            assert (d.returncode, out.split(), err) == (0, ["end", "41"], ""), (sig, out, err)
            assert out.startswith("\nend" if sig in (signal.SIGINT, signal.SIGTERM) else "end"), out
        before.again()
        assert v.semaphore() == 0


def test_sigint_ends_tracing():
    ends_by(signal.SIGINT)


def test_sigterm_ends_tracing():
    ends_by(signal.SIGTERM)


def test_sighup_ends_tracing():
    ends_by(signal.SIGHUP)


def test_sigpipe_ends_tracing():
    ends_by(signal.SIGPIPE)


def test_descriptors_of_a_command_are_limited_as_ours_were():
    """dtrace raises its own limit, because old kernels need a descriptor for each site."""
    script = "ulimit -n 4096; ulimit -Sn %d; exec %s -qn 'BEGIN { @ = count(); }' -c '%s'"
    assert must("sh", "-c", script % (100, DTRACE, 'sh -c "ulimit -Sn"')).split() == ["100", "1"]
    assert must("sh", "-c", script % (12, DTRACE, "true")).split() == ["1"]


def test_hidden_kernel_symbols_are_said_once():
    """kallsyms has only addresses 0, as kptr_restrict shows it to processes without rights."""
    zeros = put("kallsyms", "0000000000000000 T _text\n0000000000000000 T schedule\n")
    hide = "mount --bind %s /proc/kallsyms && exec %s -q -n '%s'"
    program = "sdt:::sched_switch { stack(1); } sdt:::sched_switch /n++ > 2/ { exit(0); }"
    p = sh("unshare", "-m", "sh", "-c", hide % (zeros, DTRACE, program))
    if "unshare:" in p.stderr or "mount:" in p.stderr:
        raise Skip("no mount namespaces: " + p.stderr)
    assert re.search("0x[0-9a-f]{16}", p.stdout), p.stdout
    assert (p.returncode, p.stderr) == (0, (
        "dtrace: warning: the kernel hides its symbols: addresses are printed as numbers\n"
        "hint: it shows them with CAP_SYSLOG, and kernel.kptr_restrict below 2\n")), p.stderr


def test_reader_goes_away():
    with Victim() as v:
        before = Before()
        with Running(DTRACE, "-q", "-n", 'sem*:::tick { printf("%d\\n", arg0); }') as d:
            assert d.stdout.readline().strip() == "1"
            d.stdout.close()
            assert until(lambda: d.poll() is not None), "dtrace runs on"
            assert (d.returncode, d.stderr.read()) == (0, "")
        before.again()
        assert v.semaphore() == 0


def test_the_reader_of_a_list_goes_away():
    before = Before()
    p = sh("/bin/bash", "-c", "%s -l | head -n 1; exit ${PIPESTATUS[0]}" % DTRACE)
    assert (p.returncode, p.stdout.split(), p.stderr) == (
        0, ["ID", "PROVIDER", "MODULE", "FUNCTION", "NAME"], ""), p
    before.again()


def test_disk_is_full():
    full = "dtrace: cannot write the output: No space left on device\n"
    with Victim() as v:
        says(1, full, "-qo", "/dev/full", "-n", 'sem*:::tick { printf("%d\\n", arg0); }')
        says(1, full, "-qo", "/dev/full", "-n", 'BEGIN { @ = count(); exit(0); }')
        says(1, full, "-l", "-o", "/dev/full")
        says(1, full, "-evn", "BEGIN", "-o", "/dev/full")
        says(1, full, "-qvn", "BEGIN { exit(0); }", "-o", "/dev/full")
        for flag in ("-V", "-evn BEGIN"):
            p = sh("/bin/sh", "-c", "%s %s > /dev/full" % (DTRACE, flag))
            assert (p.returncode, p.stderr) == (1, full), (flag, p)
        assert v.semaphore() == 0


def test_standard_descriptors_that_are_closed():
    """Descriptors that dtrace opens must not become 0, 1 or 2: it would read or write them."""
    count = "%s -qc '%s -n 7 -v' -n '%s' %%s; echo status $?" % (DTRACE, build_app(), COUNT)
    error = "%s -qn 'BEGIN { x = *(int *)0; } ERROR { exit(4); }' %%s; echo status $?" % DTRACE
    gone = "dtrace: cannot write the output: Bad file descriptor\n"
    for script, out, err in (
            (count % "<&-", ["7", "7", "status", "0"], ""),
            (count % ">&-", ["status", "1"], gone),
            (count % "<&- >&- 2>&-", ["status", "1"], ""),
            (error % "2>&-", ["status", "4"], ""),
            (error % "<&- 2>&-", ["status", "4"], ""),
            ("%s -s - <&-; echo status $?" % DTRACE, ["status", "1"],
             "dtrace: failed to open -: Bad file descriptor\n")):
        before = Before()
        p = sh("/bin/sh", "-c", script)
        assert (p.stdout.split(), p.stderr) == (out, err), (script, p)
        before.again()


def test_the_end_of_a_session_that_is_to_be_outlived():
    """nohup makes dtrace ignore SIGHUP."""
    with Running("/usr/bin/nohup", DTRACE, "-qn", 'BEGIN { printf("go\\n"); } tick-2s { exit(5); }') as d:
        assert d.stdout.readline() == "go\n"
        d.send_signal(signal.SIGHUP)
        out, err = d.communicate(timeout=LIMIT)
        assert (d.returncode, err) == (5, ""), (d.returncode, err)


def test_consumer_is_killed():
    with Victim() as v:
        before = Before()
        with Running(DTRACE, "-q", "-c", os.path.join(FOLDER, "sem"), "-n",
                     'sem*:::tick /pid == $target && !n++/ { printf("%d\\n", pid); }') as d:
            pid = int(d.stdout.readline())
            try:
                assert v.semaphore() == v.semaphore(pid) == 1
                d.kill()
                d.wait()  # its command holds stdout open: no communicate
                assert until(lambda: not v.semaphore() and not v.semaphore(pid), 1), "the semaphore stays"
                assert process_state(pid) in "SR" and process_state(v.p.pid) in "SR"
            finally:
                os.kill(pid, signal.SIGKILL)
        before.again()


def test_consumer_is_killed_while_it_starts():
    """dtrace is killed at many moments of a start: none leaves the command stopped."""
    build_app()
    with Victim() as v:
        before = Before()
        for ms in range(0, 240, 12):
            with Running(DTRACE, "-q", "-c", os.path.join(FOLDER, "sem"), "-n", "sem*:::tick { }") as d:
                time.sleep(ms / 1000)
                d.kill()
                d.wait()
            orphans = children() - before.children
            # a command that had not begun its exec ends by itself; other commands run
            runs = lambda: all(process_state(p) in "SRZX" for p in orphans)
            assert until(runs, 2), [(p, process_state(p)) for p in orphans]
            for p in orphans:
                os.kill(p, signal.SIGKILL)
        before.again()
        assert v.semaphore() == 0


main(sys.modules[__name__])
