/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/consumer/test_usdt_prov.c: USDT and pid probes of real processes. */
#include "tests/consumer/victim.h"

#include <time.h>

static void file_wide_probes_have_the_plain_name(void **state)
{
	const char *app = victim_build("appx", "", VICTIM_APP);
	struct prov_env *env = env_new();
	struct got g;
	FILE *out[2];
	int in[2];
	pid_t pid[2];

	(void)state;
	pid[0] = victim_run(app, NULL, &out[0], &in[0]);
	pid[1] = victim_run(app, NULL, &out[1], &in[1]);
	assert_int_equal(match(env, "victimx*", "", "", "", &g), 2);
	assert_string_equal(g.p[0]->prov, "victimx");
	assert_string_equal(g.p[0]->mod, "appx");
	assert_string_equal(g.p[0]->func, "other");
	assert_string_equal(g.p[1]->func, "work");
	assert_string_equal(g.p[1]->name, "hit-it");
	assert_true(g.p[0]->id && g.p[1]->id && g.p[1]->id != g.p[0]->id);
	assert_true(g.p[0]->by_process);
	assert_int_equal(g.p[1]->nsites, 1); /* one file, however many processes */
	assert_int_equal(g.p[1]->sites[0].pid, 0);
	assert_int_equal(match(env, "vict*", "app?", "w*", "hit-*", &g), 1);
	assert_int_equal(match(env, "victimx*", "nosuch", "", "", &g), 0);
	assert_int_equal(match(env, "victim", "", "", "", &g), 0);
	assert_int_equal(victim_end(pid[0], out[0], in[0]), 0);
	assert_int_equal(victim_end(pid[1], out[1], in[1]), 0);
	env_free(env);
}

static void a_process_id_means_that_process_alone(void **state)
{
	const char *app = victim_build("appx", "", VICTIM_APP);
	struct prov_env *env = env_new();
	char prov[32];
	struct got g, again;
	FILE *out;
	int in;
	pid_t pid;

	(void)state;
	pid = victim_run(app, NULL, &out, &in);
	snprintf(prov, sizeof(prov), "victimx%d", (int)pid);
	assert_int_equal(match(env, prov, "", "work", "", &g), 1);
	assert_string_equal(g.p[0]->prov, prov);
	assert_int_equal(g.p[0]->sites[0].pid, pid);
	/* All descriptions find the same probe, so that its clauses go into one program. */
	assert_int_equal(match(env, prov, "appx", "", "hit-it", &again), 2);
	assert_ptr_equal(again.p[1], g.p[0]);
	snprintf(prov, sizeof(prov), "victimx%d", (int)getpid());
	assert_int_equal(match(env, prov, "", "", "", &g), 0);
	assert_int_equal(victim_end(pid, out, in), 0);
	env_free(env);
}

static void arguments_say_where_they_are(void **state)
{
	const char *app = victim_build("appx", "", VICTIM_APP);
	struct prov_env *env = env_new();
	const struct cc_arg *arg;
	struct got g;
	FILE *out;
	int in;
	pid_t pid;

	(void)state;
	pid = victim_run(app, NULL, &out, &in);
	assert_int_equal(match(env, "victimx*", "", "work", "", &g), 1);
	arg = g.p[0]->sites[0].args.arg;
	assert_int_equal(arg[0].kind, CC_A_REG);
	assert_int_equal(arg[0].base, 112); /* %edi */
	assert_int_equal(arg[0].size, 4);
	assert_true(arg[0].is_signed);
	assert_int_equal(arg[1].kind, CC_A_REG);
	assert_int_equal(arg[1].base, 104); /* %rsi */
	assert_int_equal(arg[3].kind, CC_A_CONST);
	assert_int_equal(arg[3].disp, 42);
	assert_int_equal(arg[4].kind, CC_A_NONE);
	assert_int_equal(g.p[0]->nargs, 4);
	assert_string_equal(g.p[0]->arg_types[0], "int32_t");
	assert_int_equal(victim_end(pid, out, in), 0);
	env_free(env);
}

static void a_symbol_is_counted_from_the_instruction_pointer(void **state)
{
	const char *app = victim_build(
		"symx", "",
		"#include <stdio.h>\n"
		"int value = 9;\n"
		"int main(void) { puts(\"up\"); fflush(stdout); getchar();\n"
		"__asm__ volatile(\"990: nop\\n.pushsection .note.stapsdt,\\\"?\\\",\\\"note\\\"\\n\"\n"
		"\".balign 4\\n.4byte 8f-7f,10f-9f,3\\n7:.asciz \\\"stapsdt\\\"\\n8:.balign 4\\n\"\n"
		"\"9:.8byte 990b\\n.8byte _.stapsdt.base\\n.8byte 0\\n.asciz \\\"symx\\\"\\n\"\n"
		"\".asciz \\\"p\\\"\\n.asciz \\\"-4@value(%rip) -4@value+4(%rip)\\\"\\n10:.balign 4\\n\"\n"
		"\".popsection\\n.pushsection .stapsdt.base,\\\"aG\\\",\\\"progbits\\\",.stapsdt.base,comdat\\n\"\n"
		"\".weak _.stapsdt.base\\n.hidden _.stapsdt.base\\n_.stapsdt.base: .space 1\\n\"\n"
		"\".size _.stapsdt.base,1\\n.popsection\\n\"); return value; }\n");
	struct prov_env *env = env_new();
	const struct cc_arg *arg;
	struct got g;
	FILE *out;
	int in;
	pid_t pid;

	(void)state;
	pid = victim_run(app, NULL, &out, &in);
	assert_int_equal(match(env, "symx*", "", "", "p", &g), 1);
	arg = g.p[0]->sites[0].args.arg;
	assert_int_equal(arg[0].kind, CC_A_UMEM);
	assert_int_equal(arg[0].base, 128); /* ip */
	assert_true(arg[0].disp > 0);	    /* data lies behind code */
	assert_int_equal(arg[1].disp, arg[0].disp + 4);
	assert_int_equal(victim_end(pid, out, in) >> 8, 9);
	env_free(env);
}

static void deleted_and_copied_files_are_files(void **state)
{
	const char *app = victim_build("gonex", "", VICTIM_APP);
	struct prov_env *env = env_new();
	struct got g;
	FILE *out;
	int in;
	pid_t pid = victim_run(app, NULL, &out, &in);

	(void)state;
	unlink(app);
	assert_int_equal(match(env, "victimx*", "gonex", "work", "", &g), 1);
	assert_true(world_file_open(env->world, g.p[0]->sites[0].file) >= 0);
	victim_end(pid, out, in);
	env_free(env);
}

/* Two names of an inode are one file, and a file that we open is the file that others map. */
static void a_path_is_known_by_its_inode(void **state)
{
	const char *app = victim_build("linkx", "", VICTIM_APP);
	struct prov_env *env = env_new();
	char other[128];
	struct got g;
	FILE *out;
	int in;
	pid_t pid = victim_run(app, NULL, &out, &in);

	(void)state;
	snprintf(other, sizeof(other), "%s/otherx", victim_dir);
	assert_int_equal(link(app, other), 0);
	assert_int_equal(match(env, "victimx*", "linkx", "work", "", &g), 1);
	assert_int_equal(world_files_by_path(env->world, other), g.p[0]->sites[0].file);
	assert_int_not_equal(world_files_by_path(env->world, "/bin/true"), g.p[0]->sites[0].file);
	assert_int_equal(world_files_by_path(env->world, "/nonexistent"), -2);
	victim_end(pid, out, in);
	env_free(env);
}

static void python_of_debian(void **state)
{
	struct prov_env *env;
	struct got g;
	FILE *py;
	char line[16];

	(void)state;
	if (access("/usr/bin/python3.11", X_OK)) {
		print_message("no /usr/bin/python3.11\n");
		skip();
	}
	py = popen("/usr/bin/python3.11 -c 'import time;print(1,flush=True);time.sleep(1)'", "r");
	assert_non_null(fgets(line, sizeof(line), py));
	env = env_new();
	assert_true(match(env, "python*", "", "", "function-entry", &g) >= 1);
	assert_string_equal(g.p[0]->prov, "python");
	assert_true(g.p[0]->sites[0].ref_ctr > 0);
	env_free(env);
	pclose(py);
}

static void other_providers_cost_no_scan(void **state)
{
	static const char *const names[] = { "BEGIN", "END", "ERROR", "tick-1s", "profile-97hz" };
	struct prov_env *env = env_new();
	struct d_pdesc pd;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		pd = pdesc("", "", "", names[i]);
		assert_null(prov_later(env, &pd));
	}
	pd = pdesc("syscall", "", "", "entry");
	assert_null(prov_later(env, &pd));
	pd = pdesc("", "", "", "hit");
	assert_ptr_equal(prov_later(env, &pd), &prov_usdt);
	env_free(env);
}

static double ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void two_hundred_processes_are_looked_at_quickly(void **state)
{
	struct prov_env *env = env_new();
	pid_t pids[200];
	struct got g;
	double t0;

	(void)state;
	for (size_t i = 0; i < COUNT(pids); i++) {
		pids[i] = fork();
		if (!pids[i]) {
			execl("/bin/sleep", "sleep", "60", (char *)NULL);
			_exit(127);
		}
	}
	usleep(200000);
	t0 = ms();
	match(env, "nosuchprovider*", "", "", "", &g);
	print_message("200 processes: %.1f ms, the kernel's types included\n", ms() - t0);
	usleep(300000); /* longer than an answer is used again */
	t0 = ms();
	match(env, "nosuchprovider*", "", "", "", &g);
	print_message("again: %.1f ms\n", ms() - t0);
	assert_true(ms() - t0 < 50);
	for (size_t i = 0; i < COUNT(pids); i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	env_free(env);
}

static void pid_probes_are_functions(void **state)
{
	const char *app = victim_build("appx", "", VICTIM_APP);
	struct prov_env *env = env_new();
	char prov[32];
	struct got g;
	FILE *out;
	int in;
	pid_t pid = victim_run(app, NULL, &out, &in);

	(void)state;
	snprintf(prov, sizeof(prov), "pid%d", (int)pid);
	assert_int_equal(match(env, prov, "a.out", "wor*", "entry", &g), 1);
	assert_string_equal(g.p[0]->mod, "appx");
	assert_string_equal(g.p[0]->func, "work");
	assert_string_equal(g.p[0]->prov, prov);
	assert_int_equal(g.p[0]->sites[0].args.arg[0].base, 112);
	assert_int_equal(match(env, prov, "libc.so*", "getpid", "entry", &g), 1);
	assert_int_equal(match(env, prov, "a.out", "nosuch", "entry", &g), 0);
	assert_true(match(env, prov, "a.out", "work", "return", &g) < 0);
	assert_non_null(strstr(said, "pid probes are function entries: return cannot be traced"));
	victim_end(pid, out, in);
	assert_true(match(env, prov, "a.out", "work", "entry", &g) < 0);
	assert_non_null(strstr(said, "failed to grab process"));
	env_free(env);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_wide_probes_have_the_plain_name),
		cmocka_unit_test(a_process_id_means_that_process_alone),
		cmocka_unit_test(arguments_say_where_they_are),
		cmocka_unit_test(a_symbol_is_counted_from_the_instruction_pointer),
		cmocka_unit_test(deleted_and_copied_files_are_files),
		cmocka_unit_test(a_path_is_known_by_its_inode),
		cmocka_unit_test(python_of_debian),
		cmocka_unit_test(other_providers_cost_no_scan),
		cmocka_unit_test(two_hundred_processes_are_looked_at_quickly),
		cmocka_unit_test(pid_probes_are_functions),
	};

	return cmocka_run_group_tests_name("providers/usdt", tests, victim_setup, victim_teardown);
}
