/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * provider/text.c: removes `// …` comments and `# file: x.c` lines from
 * provider files. They are no D, but SystemTap's dtrace skips them, so projects
 * have them. Also makes the list of script names.
 * In:   a text that no C preprocessor has seen.
 * Out:  the same text with blanks in their places: every other byte keeps its
 *       line and column.
 * Owns: nothing.
 */
#include "provider/inner.h"

#include "base/arena.h"

#include <ctype.h>
#include <string.h>

/* D or cpp gives lines with these words a meaning, so they stay, and D may refuse them. */
static const char *const directives[] = {
	"pragma", "include", "define", "undef",	  "if",	  "ifdef", "ifndef", "else",
	"elif",	  "endif",   "error",  "warning", "line", "ident", "import", "assert",
};

/* Does a directive follow the # before s? */
static bool is_directive(const char *s)
{
	size_t n = 0;

	while (*s == ' ' || *s == '\t')
		s++;
	if (*s == '!' || *s == '\n' || !*s || isdigit((unsigned char)*s))
		return true;
	while (isalpha((unsigned char)s[n]))
		n++;
	for (size_t i = 0; i < COUNT(directives); i++)
		if (strlen(directives[i]) == n && !memcmp(directives[i], s, n))
			return s[n] != ':';
	return false;
}

static char *blank_line(char *s)
{
	for (; *s && *s != '\n'; s++)
		*s = ' ';
	return s;
}

/* The end of the comment or quoted text at s. */
static char *skip(char *s)
{
	char quote = *s, *end;

	if (quote == '/') {
		end = strstr(s + 2, "*/");
		return end ? end + 2 : s + strlen(s);
	}
	for (s++; *s && *s != '\n'; s++)
		if (*s == '\\' && s[1] && s[1] != '\n')
			s++;
		else if (*s == quote)
			return s + 1;
	return s;
}

struct text *gen_text_clean(struct arena *a, const struct text *in)
{
	char *copy = arena_strndup(a, in->bytes, in->len), *s = copy;
	bool line_start = true;

	if (!copy || strlen(copy) != in->len) /* D reports a NUL */
		return copy ? text_new(a, in->name, in->bytes, in->len) : NULL;
	while (*s) {
		if ((s[0] == '/' && s[1] == '/') ||
		    (line_start && *s == '#' && !is_directive(s + 1)))
			s = blank_line(s);
		else if ((s[0] == '/' && s[1] == '*') || *s == '"' || *s == '\'')
			s = skip(s), line_start = false;
		else
			line_start = *s == '\n' || (line_start && (*s == ' ' || *s == '\t')), s++;
	}
	return text_new(a, in->name, copy, in->len);
}

const char *gen_script_names(struct arena *a, const struct gen_job *job)
{
	const char *names = job->scripts[0];

	for (size_t i = 1; i < job->nscripts; i++)
		names = arena_printf(a, "%s %s", names, job->scripts[i]);
	return names;
}
