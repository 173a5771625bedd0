/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * provider/depend.c: what an output is made from, as a rule for make (-MD).
 * In:   the text that was compiled: under -C, cpp's line markers name every
 *       file that was included.
 * Out:  `app.h: app.d inc.h`, in the order in which cpp met them.
 */
#include "provider/inner.h"

#include "base/arena.h"
#include "base/hash.h"

#include <ctype.h>
#include <string.h>

/* As make reads names. */
static void name(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == ' ' || *s == '#')
			fputc('\\', out);
		else if (*s == '$')
			fputc('$', out);
		fputc(*s, out);
	}
}

/* The name in `# 12 "file" …` at s; NULL: no marker, or of no file (<built-in>). */
static char *marker(struct arena *a, const char *s)
{
	const char *end;
	char *file, *to;

	if (*s++ != '#' || *s++ != ' ' || !isdigit((unsigned char)*s))
		return NULL;
	while (isdigit((unsigned char)*s))
		s++;
	if (*s++ != ' ' || *s++ != '"' || *s == '<')
		return NULL;
	for (end = s; *end && *end != '"' && *end != '\n'; end++)
		end += *end == '\\' && end[1] && end[1] != '\n';
	file = to = *end == '"' && end != s ? arena_strndup(a, s, (size_t)(end - s)) : NULL;
	for (const char *from = file; from && *from; from++) {
		from += *from == '\\' && from[1];
		*to++ = *from;
	}
	if (file)
		*to = '\0';
	return file && file[strlen(file) - 1] != '/' ? file : NULL; /* cpp's folder ends so */
}

static bool add(struct hash *files, const char *file)
{
	static char there;

	return !file || !hash_set_str(files, file, &there);
}

bool gen_depend(struct arena *a, const struct gen_depend *opt, const char *script,
		const struct text *text, const char *target, FILE *out)
{
	struct hash *files = hash_new();
	const void *key;
	bool ok = files && (!strcmp(script, "-") || add(files, script));
	size_t at = 0, len;

	for (size_t i = 0; ok && i < text->nlines; i++)
		ok = add(files, marker(a, text->bytes + text->lines[i]));
	if (ok) {
		name(out, opt->target ? opt->target : target);
		fputc(':', out);
	}
	while (ok && hash_next(files, &at, &key, &len, NULL)) {
		fputs(" ", out);
		name(out, arena_strndup(a, key, len));
	}
	fputs("\n", out);
	/* The first is the script: only included files may vanish without being named by a rule. */
	for (at = 0; ok && opt->phony && hash_next(files, &at, &key, &len, NULL);)
		if (at > 1 || !strcmp(script, "-")) {
			name(out, arena_strndup(a, key, len));
			fputs(":\n", out);
		}
	hash_free(files, NULL);
	return ok && !arena_failed(a);
}
