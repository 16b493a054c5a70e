/* SPDX-License-Identifier: MIT */
/* DRIVER_RULES.md: each rule names an outcome and tests, and each of those tests is there. */
#include "test_priv.h"

#include <stdio.h>
#include <string.h>

#define RULES "vmm/virtq/DRIVER_RULES.md" /* make runs tests from the top of the tree */

static char *whole_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *p = calloc(1, 1 << 17);
	size_t n;

	assert_non_null(p);
	if (!f) {
		free(p);
		return NULL;
	}
	n = fread(p, 1, (1 << 17) - 1, f);
	assert_true(n < (1 << 17) - 1);
	(void)fclose(f);
	return p;
}

static bool is_there(const char *name)
{
	char path[256], want[128];
	const char *slash = strchr(name, '/'), *colon = strchr(name, ':');
	bool yes;
	char *p;

	if (!strncmp(name, "guests/", 7)) {
		(void)snprintf(path, sizeof(path), "%s.asm", name);
		p = whole_file(path);
		yes = p != NULL;
		free(p);
		return yes;
	}
	if (!slash || !colon || colon < slash)
		return false;
	(void)snprintf(path, sizeof(path), "vmm/%.*s.c", (int)(colon - name), name);
	(void)snprintf(want, sizeof(want), "_test(%s)", colon + 1);
	p = whole_file(path);
	yes = p && strstr(p, want);
	free(p);
	return yes;
}

static void each_test_is_there(void **state)
{
	static const char *const outcomes[] = {" error", " dropped", " accepted", " reset",
					       " at most"};
	char *rules = whole_file(RULES), *save = NULL;
	unsigned rows = 0, tests = 0, bad = 0;
	(void)state;

	assert_non_null(rules);
	for (char *line = strtok_r(rules, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned here = 0, columns = 0;
		bool outcome = false;

		if (line[0] != '|' || !strncmp(line, "|---", 4) || !strncmp(line, "| rule", 6))
			continue;
		rows++;
		for (char *at = line; (at = strchr(at, '|')); at++) {
			columns++;
			for (unsigned i = 0; columns == 3 && i < ARRAY_SIZE(outcomes); i++)
				outcome |= !strncmp(at + 1, outcomes[i], strlen(outcomes[i]));
		}
		for (char *at = line; (at = strchr(at, '`')); at++) {
			char name[128] = {0}, *end = strchr(at + 1, '`');

			assert_non_null(end);
			if (end - at - 1 < (long)sizeof(name))
				memcpy(name, at + 1, (size_t)(end - at - 1));
			at = end;
			if (!strchr(name, '/'))
				continue; /* a word of the rule */
			here++;
			if (!is_there(name)) {
				print_error("%s names %s, which is not there\n", RULES, name);
				bad++;
			}
		}
		if (!here || !outcome || columns != 5) {
			print_error("%s: no test or outcome: %s\n", RULES, line);
			bad++;
		}
		tests += here;
	}
	free(rules);
	assert_int_equal(bad, 0);
	assert_true(rows > 30 && tests > rows);
}

/* The check is one: what is not there is seen. */
static void what_is_missing_is_seen(void **state)
{
	(void)state;
	assert_true(is_there("guests/virtio/bad_next"));
	assert_false(is_there("guests/virtio/no_such_guest"));
	assert_true(is_there("virtq/test_rules:each_test_is_there"));
	assert_false(is_there("virtq/test_rules:is_there"));
	assert_false(is_there("virtq/no_such:each_test_is_there"));
	assert_false(is_there("word"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_test_is_there),
		cmocka_unit_test(what_is_missing_is_seen),
	};

	return cmocka_run_group_tests_name("driver rules", tests, NULL, NULL);
}
