# SPDX-License-Identifier: BSD-2-Clause
"""usdt-check: probes asserted under ptrace, with no root and no eBPF."""
import os
import sys

import lib

CHECK = os.path.join(os.path.dirname(lib.DTRACE), "usdt-check")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
LIBRARY = """
#include <usdt/sdt.h>
void fire(int i);
void fire(int i) { USDT_PROBE1(lib, fired, i); }
"""
LOADER = """
#include <dlfcn.h>
#include <pthread.h>
static void *work(void *path)
{
	void *h = dlopen(path, RTLD_NOW);
	void (*fire)(int) = (void (*)(int))dlsym(h, "fire");

	for (int i = 0; i < 500; i++)
		fire(i);
	dlclose(h);
	return path;
}
int main(int argc, char **argv)
{
	pthread_t t[8];

	for (int r = 0; argc == 2 && r < 3; r++) {
		for (int i = 0; i < 8; i++)
			pthread_create(&t[i], NULL, work, argv[1]);
		for (int i = 0; i < 8; i++)
			pthread_join(t[i], NULL);
	}
	return 0;
}
"""
GUARDED = """
#include <usdt/sdt.h>
USDT_SEMAPHORE(sem, hit);
int main(void)
{
	for (int i = 0; i < 5; i++)
		if (USDT_ENABLED(sem, hit))
			USDT_SEM_PROBE1(sem, hit, i);
	return 0;
}
"""


def check(*args, **kw):
    return lib.sh(CHECK, *args, **kw)


def report(*args):
    p = check(*args)
    return p.returncode, p.stderr


def compiled(name, source, *flags):
    path = os.path.join(lib.FOLDER, name)
    with open(path + ".c", "w") as f:
        f.write(source)
    top = os.path.dirname(os.path.dirname(lib.HERE))
    lib.must("gcc", "-O2", "-I", os.path.join(top, "include"), "-o", path, path + ".c", "-pthread", *flags)
    return path


def test_what_holds_and_what_does_not():
    app = lib.build_app()
    status, text = report("-e", "app:::hit count==20 && arg0 < 20", app, "-n", "20")
    assert status == 0, text
    assert text == ("usdt-check: %s exited with status 0\n     FIRED  PROBE\n"
                    "        20  app:app:work:hit\n"
                    "ok      app:::hit count==20 && arg0 < 20\n1 asserted, 0 failed\n" % app), text
    status, text = report("-e", "app:::hit count==3", app, "-n", "20")
    assert status == 1 and "FAILED  app:::hit count==3\n        count==3 does not hold: it fired 20 times\n" \
        in text, text
    status, text = report("-e", "app:::hit arg0 != 7", app, "-n", "20")
    assert status == 1 and "firing 8: arg0 != 7 does not hold: arg0=7 arg1=0x" in text, text
    status, text = report("-e", "app:::other", app)
    assert status == 1 and "it did not fire" in text, text


def test_a_predicate_selects_firings():
    app = lib.build_app()
    status, text = report("-e", "app:::hit /arg0 == 7/ { count == 10; arg0 % 4 == 3; }",
                          "-e", "app:::hit /arg0 > 99/ { count == 0; }", app, "-n", "1000")
    assert status == 0, text


def test_strings_are_read_as_they_are_at_the_firing():
    app = lib.build_app()
    for key in range(4):
        status, text = report("-e", 'app:::hit /arg0 %% 4 == %d/ { count == 25; copyinstr(arg1) == "%s"; }'
                              % (key, "key%d.xxx" % key), app, "-n", "100")
        assert status == 0, text
    status, text = report("-e", "app:::hit copyinstr(arg0) == \"x\"", app, "-n", "3")
    assert status == 1 and "firing 1: a string's address is not there" in text, text


def test_threads_children_and_exec_are_counted():
    app = lib.build_app()
    status, text = report("-e", "app:::hit count==8000", app, "-t", "8", "-n", "1000")
    assert status == 0, text
    shell = "%s -n 5; (%s -n 5 & wait); exec %s -n 5" % (app, app, app)
    status, text = report("-e", "app:::hit count==15", "sh", "-c", shell)
    assert status == 0, text
    status, text = report("-e", "app$target:::hit count==5", "sh", "-c", "exec %s -n 5" % app)
    assert status == 0, text


def test_libraries_come_and_go():
    library = compiled("fired.so", LIBRARY, "-shared", "-fPIC")
    loader = compiled("loader", LOADER, "-ldl")
    status, text = report("-e", "lib:fired.so:fire:fired count==12000 && arg0 >= 0 && arg0 < 500",
                          loader, library)
    assert status == 0, text


def test_semaphores_are_up_for_what_is_asserted_alone():
    guarded = compiled("guarded", GUARDED)
    status, text = report("-e", "sem:::hit count==5", guarded)
    assert status == 0, text
    status, text = report("-e", "other:::hit count==0", guarded)
    assert status == 0 and "sem:" not in text, text


def test_32_bit_and_static_programs():
    try:
        app32 = lib.build_app("app32", flags=("-O2",) + lib.M32)
    except AssertionError:
        raise lib.Skip("no gcc -m32 (gcc-12-multilib)")
    static = lib.build_app("static", flags=("-O2", "-static"))
    for app in (app32, static):
        status, text = report("-e", "app:::hit count==10 && strlen(copyinstr(arg1)) > 0", app, "-n", "10")
        assert status == 0, text


def test_no_root_is_needed():
    app = lib.build_app()
    os.chmod(lib.FOLDER, 0o755)
    p = lib.sh(*NOBODY, CHECK, "-e", "app:::hit count==10", app, "-n", "10")
    if p.returncode == 126 or "failed to execute" in p.stderr and "usdt-check" not in p.stderr:
        raise lib.Skip("nobody may not run programs of this folder")
    assert p.returncode == 0, p.stderr


def test_tap():
    app = lib.build_app()
    p = check("--tap", "-e", "app:::hit count==2", "-e", "app:::hit count==3", app, "-n", "2")
    assert p.returncode == 1
    assert p.stdout == ("TAP version 13\n1..3\nok 1 - %s exited with status 0\n"
                        "ok 2 - app:::hit count==2\nnot ok 3 - app:::hit count==3\n"
                        "# count==3 does not hold: it fired 2 times\n" % app), p.stdout


def test_files_of_assertions_and_of_reports():
    app = lib.build_app()
    rules, out = os.path.join(lib.FOLDER, "rules"), os.path.join(lib.FOLDER, "report")
    with open(rules, "w") as f:
        f.write("# two\napp:::hit count==4\n\n  app:::hit arg0 < 4\n")
    p = check("-f", rules, "-o", out, app, "-n", "4")
    assert p.returncode == 0 and not p.stderr and not p.stdout, p.stderr
    assert "2 asserted, 0 failed" in open(out).read()
    with open(rules, "a") as f:
        f.write("app:::hit arg0 <\n")
    p = check("-f", rules, app)
    assert p.returncode == 2 and p.stderr.startswith("%s, assertion of line 5:1:19: syntax error" % rules), p.stderr


def test_the_programs_own_end_counts():
    p = check("/bin/false")
    assert p.returncode == 1 and "exited with status 1" in p.stderr, p.stderr
    p = check("sh", "-c", "kill -9 $$")
    assert p.returncode == 1 and "was killed by signal 9 (Killed)" in p.stderr, p.stderr
    p = check("-T", "1", "sleep", "30")
    assert p.returncode == 1 and "was killed after 1 s" in p.stderr, p.stderr


def test_what_is_wrong_is_said():
    app = lib.build_app()
    for args, words in (
            (("-e", "app:::hit count == arg0", app),
             "-e:1:13: count and a firing's values cannot stand in one condition\n"),
            (("-e", "app:::hit curthread == 0", app), "-e:1:13: this cannot be asserted\n"),
            (("-e", "app:::hit { trace(arg0); }", app), "-e:1:13: only conditions can be asserted\n"),
            (("-e", "app:::hit count ==", app), "-e:1:21: syntax error near ';': expected an expression\n"),
            (("-f", "/nothing/there", app), "usdt-check: failed to open /nothing/there: No such file or directory\n"),
            (("/nothing/there",), "usdt-check: failed to run /nothing/there: No such file or directory\n"),
            (("-T", "0", app), "usdt-check: -T takes seconds, 1 to 86400, not 0\n"),
            ((), "usage: usdt-check "), (("-e",), "option requires an argument")):
        p = check(*args)
        assert p.returncode == 2 and words in p.stderr, (args, p.returncode, p.stderr)


def test_probes_made_at_run_time():
    """The example's, in a memfd; without rights it is read through the program's descriptor."""
    top = os.path.join(lib.HERE, "..", "..")
    out = os.path.join(lib.FOLDER, "hello")
    lib.must("gcc", "-O2", "-std=gnu11", "-D_GNU_SOURCE", "-I", top, "-I", os.path.join(top, "include"), "-o", out,
             os.path.join(top, "examples", "runtime", "hello.c"),
             *[os.path.join(top, "usdt", f + ".c") for f in ("image", "proto", "provider", "region")], "-pthread")
    os.chmod(lib.FOLDER, 0o755)
    for before in ((), NOBODY):
        p = lib.sh(*before, CHECK, "-e", "hello:hello:greeting:greeting count==3", "--", out)
        assert p.returncode == 0 and "  3  hello:hello:greeting:greeting\n" in p.stderr, (p.returncode, p.stderr)


def test_no_child_is_left():
    app = lib.build_app()
    p = check("-T", "1", "sh", "-c", "sleep 4711 & %s -n 1; wait" % app)
    assert p.returncode == 1, p.stderr
    assert lib.sh("pgrep", "-f", "^sleep 4711$").returncode == 1


lib.main(sys.modules[__name__])
