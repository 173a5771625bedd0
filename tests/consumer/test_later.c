/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/consumer/test_later.c: probes of files that processes map after the watch has begun. */
#include "tests/consumer/victim.h"

static void new_files_are_matched_once(void **state)
{
	const char *app = victim_build("newx", "", VICTIM_APP);
	struct prov_env *env = env_new();
	struct got g, later = { .n = 0 };
	struct d_pdesc pd = pdesc("victimx*", "newx", "work", "");
	FILE *out[2];
	int in[2];
	pid_t pid[2];

	(void)state;
	assert_int_equal(match(env, "victimx*", "newx", "work", "", &g), 0);
	assert_int_equal(prov_watch_for(env, &pd, collect, &later), 0);
	assert_int_equal(world_watch_read(env->world), 0);
	assert_int_equal(later.n, 0);
	for (int i = 0; i < 2; i++) {
		pid[i] = victim_run(app, NULL, &out[i], &in[i]);
		assert_int_equal(world_watch_read(env->world), 0);
		assert_int_equal(later.n, 1);
	}
	assert_string_equal(later.p[0]->prov, "victimx");
	assert_true(later.p[0]->id > 0);
	for (int i = 0; i < 2; i++)
		victim_end(pid[i], out[i], in[i]);
	env_free(env);
}

/* A known file is new in the process that a description names. */
static void a_process_maps_a_file_that_others_have(void **state)
{
	const char *lib = victim_build(
			   "libshx.so", "-shared -fPIC",
			   "#include <sys/sdt.h>\nvoid f(void) { DTRACE_PROBE(shx, p); }\n"),
		   *app;
	struct prov_env *env = env_new();
	struct got g, later = { .n = 0 };
	char text[512], prov[32], c;
	struct d_pdesc pd;
	FILE *out[2];
	int in[2];
	pid_t pid[2];

	(void)state;
	snprintf(text, sizeof(text),
		 "#include <dlfcn.h>\n#include <stdio.h>\n"
		 "int main(void) { puts(\"up\"); fflush(stdout); getchar(); dlopen(\"%s\", 2);\n"
		 "puts(\"in\"); fflush(stdout); getchar(); return 0; }\n",
		 lib);
	app = victim_build("shappx", "-ldl", text);
	for (int i = 0; i < 2; i++)
		pid[i] = victim_run(app, NULL, &out[i], &in[i]);
	assert_int_equal(write(in[0], "\n", 1), 1);
	assert_int_equal(fread(&c, 1, 1, out[0]), 1);
	assert_int_equal(match(env, "shx*", "", "", "", &g), 1);
	snprintf(prov, sizeof(prov), "shx%d", (int)pid[1]);
	pd = pdesc(prov, "", "", "");
	assert_int_equal(prov_watch_for(env, &pd, collect, &later), 0);
	assert_int_equal(world_watch_read(env->world), 0);
	assert_int_equal(later.n, 0);
	assert_int_equal(write(in[1], "\n", 1), 1);
	assert_int_equal(fread(&c, 1, 1, out[1]), 1);
	assert_int_equal(world_watch_read(env->world), 0);
	assert_int_equal(later.n, 1);
	assert_string_equal(later.p[0]->prov, prov);
	assert_int_equal(later.p[0]->sites[0].pid, pid[1]);
	for (int i = 0; i < 2; i++)
		victim_end(pid[i], out[i], in[i]);
	env_free(env);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_files_are_matched_once),
		cmocka_unit_test(a_process_maps_a_file_that_others_have),
	};

	return cmocka_run_group_tests_name("providers/later", tests, victim_setup, victim_teardown);
}
