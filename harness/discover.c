/* SPDX-License-Identifier: MIT */
/* Finding guest tests: files as given, folders by name order. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "harness_priv.h"

#define DEPTH_MAX 32	/* folders within folders */
#define TESTS_MAX 65536 /* in one run */

static int add(struct test_list *l, const char *path, const char *missing)
{
	struct test_path *t;

	if (l->n == l->cap) {
		unsigned cap = l->cap ? 2 * l->cap : 64;
		struct test_path *p;

		if (cap > TESTS_MAX)
			return -E2BIG;
		p = realloc(l->p, cap * sizeof(*p));
		if (!p)
			return -ENOMEM;
		l->p = p;
		l->cap = cap;
	}
	t = &l->p[l->n];
	t->path = strdup(path);
	t->missing = missing ? strdup(missing) : NULL;
	l->n++;
	return t->path && (!missing || t->missing) ? 0 : -ENOMEM;
}

static bool is_asm(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && !strcmp(name + n - 4, ".asm");
}

/* Hidden files, and lib: the runtime, which tests include and which is no test. */
static int wanted(const struct dirent *e)
{
	return e->d_name[0] != '.' && strcmp(e->d_name, "lib") != 0;
}

/* strcmp: the order must not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk(struct test_list *l, const char *dir, unsigned depth)
{
	struct dirent **ents;
	int n, rc = 0;

	if (depth > DEPTH_MAX)
		return add(l, dir, "folders nested too deep");
	n = scandir(dir, &ents, wanted, by_name);
	if (n < 0) {
		struct err e;

		err_set(&e, -errno, "cannot read the folder: %s", strerror(errno));
		return add(l, dir, e.msg);
	}
	for (int i = 0; i < n; i++) {
		size_t len = strlen(dir);
		struct stat st;
		char *path;

		while (len > 1 && dir[len - 1] == '/')
			len--;
		if (rc || asprintf(&path, "%.*s%s%s", (int)len, dir, dir[len - 1] == '/' ? "" : "/",
				   ents[i]->d_name) < 0) {
			rc = rc ? rc : -ENOMEM;
			free(ents[i]);
			continue;
		}
		/* A linked folder could lead back up: only real ones are entered. */
		if (!lstat(path, &st) && S_ISDIR(st.st_mode))
			rc = walk(l, path, depth + 1);
		else if (is_asm(ents[i]->d_name))
			rc = add(l, path, NULL);
		free(path);
		free(ents[i]);
	}
	free(ents);
	return rc;
}

int test_list_find(struct test_list *l, const char *const *paths, unsigned n, struct err *err)
{
	int rc = 0;

	*l = (struct test_list){0};
	for (unsigned i = 0; i < n && !rc; i++) {
		unsigned before = l->n;
		struct stat st;
		struct err e;

		if (stat(paths[i], &st) < 0) {
			err_set(&e, -errno, "cannot open %s: %s", paths[i], strerror(errno));
			rc = add(l, paths[i], e.msg);
		} else if (S_ISDIR(st.st_mode)) {
			rc = walk(l, paths[i], 0);
			if (!rc && l->n == before)
				rc = add(l, paths[i], "no guest test (.asm) in this folder");
		} else if (!is_asm(paths[i])) {
			rc = add(l, paths[i], "not a guest test: its name does not end in .asm");
		} else {
			rc = add(l, paths[i], NULL);
		}
	}
	if (rc)
		test_list_free(l);
	return rc == -E2BIG ? err_set(err, rc, "more than %d tests", TESTS_MAX)
	       : rc	    ? err_set(err, rc, "no memory for the list of tests")
			    : 0;
}

void test_list_free(struct test_list *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		free(l->p[i].path);
		free(l->p[i].missing);
	}
	free(l->p);
	*l = (struct test_list){0};
}
