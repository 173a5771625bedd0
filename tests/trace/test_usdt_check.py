# SPDX-License-Identifier: BSD-2-Clause
"""usdt-check: probes asserted under ptrace, with no root and no eBPF."""
import os
import sys
import time

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
# A site before each of these instructions, and two sites before one instruction. The base in the
# notes is not 0: with base 0, a site that is no nop counts as left over from a discarded function.
INSTRUCTIONS = r"""
#define NOTE(name) \
	"\t.pushsection .note.stapsdt,\"\",\"note\"\n\t.balign 4\n\t.4byte 992f-991f,994f-993f,3\n" \
	"991:\t.asciz \"stapsdt\"\n992:\t.balign 4\n993:\t.8byte 990b,1,0\n\t.asciz \"at\"\n" \
	"\t.asciz \"" name "\"\n\t.asciz \"-8@%%rax\"\n994:\t.balign 4\n\t.popsection\n"
#define AT(name, instruction) __asm__ volatile("990:\t" instruction "\n" NOTE(name) : "+a"(n) : : "rcx", "cc", "memory")
long spot;
int main(void)
{
	long n = 0;

	for (int i = 0; i < 50; i++) {
		AT("n1", "nop");
		AT("n2", "xchg %%ax,%%ax");
		AT("n3", "nopl (%%rax)");
		AT("n4", "nopl 8(%%rax)");
		AT("n5", "nopl 8(%%rax,%%rax,1)");
		AT("n6", "nopw 8(%%rax,%%rax,1)");
		AT("n7", "nopl 512(%%rax)");
		AT("n8", "nopl 512(%%rax,%%rax,1)");
		AT("n9", "nopw 512(%%rax,%%rax,1)");
		AT("n10", ".byte 0x66,0x2e,0x0f,0x1f,0x84,0,0,0,0,0");
		AT("n11", ".byte 0x66,0x66,0x2e,0x0f,0x1f,0x84,0,0,0,0,0");
		AT("n12", "nopl spot(%%rip)");
		AT("n13", ".byte 0x0f,0x1f,0xc0");
		AT("pause", "pause");
		AT("add", "add $3,%%rax");
		AT("push", "push %%rax\n\tpop %%rax");
		AT("jump", "jmp 1f\n\tud2\n1:");
		AT("both", "nop\n" NOTE("other"));
	}
	return n != 150 || spot;
}
"""
# Strings across pages, up to the end of the mapping, too long, and at unmapped addresses.
STRINGS = """
#include <string.h>
#include <sys/mman.h>
#include <usdt/sdt.h>
int main(void)
{
	char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p + 8192, 4096);
	memset(p, 'x', 300);
	strcpy(p + 4091, "across a page");
	strcpy(p + 8187, "last");
	USDT_PROBE4(str, hit, p + 4091, p + 8187, p, p + 8192);
	return 0;
}
"""
# The program's own breakpoint, SIGSTOP and SIGCONT reach the program.
SIGNALS = """
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <usdt/sdt.h>
static volatile int traps, conts;
static void on(int sig) { *(sig == SIGTRAP ? &traps : &conts) += 1; }
int main(void)
{
	int status;

	signal(SIGTRAP, on);
	signal(SIGCONT, on);
	for (int i = 0; i < 5; i++) {
		__asm__ volatile("int3");
		USDT_PROBE1(sig, hit, i);
	}
	if (!fork()) {
		usleep(100000);
		kill(getppid(), SIGCONT);
		_exit(0);
	}
	raise(SIGSTOP);
	USDT_PROBE1(sig, hit, 5);
	return traps != 5 || conts != 1 || wait(&status) < 0 || status;
}
"""
# An exec ends threads that fire.
REPLACED = """
#include <pthread.h>
#include <unistd.h>
#include <usdt/sdt.h>
static void *work(void *arg) { for (;;) USDT_PROBE(rep, busy); return arg; }
int main(int argc, char **argv)
{
	pthread_t t;

	for (int i = 0; i < 4; i++)
		pthread_create(&t, 0, work, 0);
	usleep(200000);
	return argc > 1 ? execv(argv[1], argv + 1) : 2;
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


def test_strings_and_pages():
    app = compiled("strings", STRINGS)
    status, text = report("-e", 'str:::hit copyinstr(arg0)=="across a page" && copyinstr(arg1)=="last" &&'
                          ' strlen(copyinstr(arg2))==255', app)
    assert status == 0, text
    status, text = report("-e", "str:::hit strlen(copyinstr(arg3))==0", app)
    assert status == 1 and "firing 1: a string's address is not there\n" in text, text


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


def test_what_was_not_checked_is_told():
    """A misspelt or removed probe never fires: count==0 proves nothing about such a probe."""
    guarded = compiled("guarded", GUARDED)
    status, text = report("-e", "sem:::hti count==0", guarded)
    assert status == 0 and "NOT CHECKED  sem:::hti count==0" in text, text
    assert "warning: no object has a probe sem:::hti" in text and "1 not checked" in text, text
    status, text = report("-e", "sem:::hti", guarded)
    assert status == 1 and "it did not fire" in text and "no object has a probe sem:::hti" in text, text
    status, text = report("-e", "sem*:::hit,nosuch*:::hit count==5", guarded)
    assert status == 0 and "ok      sem*" in text and "warning: no object has a probe nosuch*:::hit" in text, text
    status, text = report("-e", "sem:::hit /arg0 > 9/ { count <= 3; arg0 == 7; }", guarded)
    assert status == 0 and "warning: arg0 == 7 was not checked: no firing was selected" in text, text
    status, text = report("-e", "sem:::hit count==5 && arg0 < 5", guarded)
    assert status == 0 and "warning" not in text and "not checked" not in text, text
    p = check("--tap", "-e", "sem:::hti count==0", guarded)
    assert "ok 2 - sem:::hti count==0 # SKIP no object has a probe sem:::hti" in p.stdout, p.stdout


def test_a_file_of_assertions_that_asserts_nothing_is_an_error():
    path = os.path.join(lib.FOLDER, "nothing.txt")
    with open(path, "w", encoding="utf-8") as f:
        f.write("# app:::hit count==3\n\n")
    status, text = report("-f", path, compiled("guarded", GUARDED))
    assert status == 2 and "the file asserts nothing: " + path in text, text


def test_sites_at_any_instruction():
    """A nop of any length is skipped; any other instruction is executed."""
    app = compiled("instructions", INSTRUCTIONS)
    names = ["n%d" % n for n in range(1, 14)] + ["pause", "add", "push", "jump", "both", "other"]
    args = [a for n in names for a in ("-e", "at:::%s count==50 && arg0>=0 && arg0<=150" % n)]
    status, text = report(*args, app)
    assert status == 0 and "%d asserted, 0 failed" % len(names) in text, text
    assert lib.sh(app).returncode == 0


def test_signals_are_the_programs():
    app = compiled("signals", SIGNALS)
    status, text = report("-e", "sig:::hit count==6 && arg0<6", "-T", "20", app)
    assert status == 0, text


def test_threads_that_an_exec_ends():
    app, replaced = lib.build_app(), compiled("replaced", REPLACED)
    for _ in range(5):
        status, text = report("-e", "app:::hit count==30", "-e", "rep:::busy count>0", "-T", "20", replaced, app, "-n", "30")
        assert status == 0, text


def test_programs_for_another_machine_have_no_probes():
    source = os.path.join(lib.FOLDER, "guarded.c")
    compiled("guarded", GUARDED)
    top = os.path.dirname(os.path.dirname(lib.HERE))
    folder = os.path.join(lib.FOLDER, "arm")
    os.makedirs(folder, exist_ok=True)
    if lib.sh("aarch64-linux-gnu-gcc", "-O2", "-static", "-I", os.path.join(top, "include"), "-o",
              os.path.join(folder, "guarded"), source).returncode:
        raise lib.Skip("no aarch64-linux-gnu-gcc")
    maps = os.path.join(lib.FOLDER, "maps")
    lib.must("gcc", "-o", maps, os.path.join(lib.HERE, "maps.c"))
    status, text = report("-a", "-T", "1", maps, folder)
    assert status == 1 and "sem:" not in text and "no probe was found\n" in text, text


def test_values_of_a_firing():
    app = lib.build_app()
    status, text = report("-e", 'app:::hit count==3 && pid==$target && tid!=pid && probeprov=="app" && probemod!="lib" &&'
                          ' probefunc>"wor" && probefunc<="work" && probename>="hit" && probename<"hiu" &&'
                          ' (arg0<3 ? arg1 : 0)!=0 && (stringof(arg1)=="key0.xxx" || arg0>0)', app, "-n", "3")
    assert status == 0, text
    nine = ["copyinstr(arg1)==\"%d\"" % i for i in range(9)]
    status, text = report("-e", "app:::hit !(%s)" % ") && !(".join(nine), app, "-n", "3")
    assert status == 0, text	# each condition has its own limit of strings
    for claim, why in (("(%s)" % " || ".join(nine), "too many strings in one condition"),
                       ("7/arg0 > 0", "division by zero"), ("strlen(copyinstr(arg0+8))", "a string's address is not there"),
                       ("arg2 == 0", "arg2 cannot be read: the probe has fewer arguments")):
        status, text = report("-e", "app:::hit " + claim, app, "-n", "3")
        assert status == 1 and "firing 1: %s\n" % why in text, text


def test_32_bit_and_static_programs():
    lib.need_32()
    app32 = lib.build_app("app32", flags=("-O2",) + lib.M32)
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
            (("-e", "app:::hit /count > 1/", app), "-e:1:12: a predicate selects firings: count has no value in it\n"),
            (("-o", "/nothing/there", app), "usdt-check: failed to open /nothing/there: No such file or directory\n"),
            (("-o", "/dev/full", app), "usdt-check: failed to write the report: No space left on device\n"),
            ((), "usage: usdt-check "), (("-e",), "option requires an argument")):
        p = check(*args)
        assert p.returncode == 2 and words in p.stderr, (args, p.returncode, p.stderr)
    p = check("-h")
    assert p.returncode == 0 and p.stdout.startswith("usage: usdt-check "), p


def test_probes_made_at_run_time():
    """Probes of the example, in a memfd, which is read through a descriptor of the program where
    usdt-check has no rights."""
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
    nap = "sleep %d" % (10 ** 6 + os.getpid())
    p = check("-T", "1", "sh", "-c", "%s & %s -n 1; wait" % (nap, app))
    assert p.returncode == 1, p.stderr
    for _ in range(100):  # a killed process is visible until its exit
        gone = lib.sh("pgrep", "-f", "^%s$" % nap).returncode == 1
        if gone:
            break
        time.sleep(0.05)
    assert gone


lib.main(sys.modules[__name__])
