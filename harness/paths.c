/* SPDX-License-Identifier: MIT */
/* Where things are: the runtime's folder, the cache, the source tree, tools in PATH. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness_priv.h"

#define CLIMB_MAX 16 /* folders looked at from the program's own upwards */

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

static char *join(const char *a, const char *b)
{
	char *p;

	return asprintf(&p, "%s/%s", a, b) < 0 ? NULL : p;
}

/*
 * From (from) upwards, the first folder that has the file (mark) below it: that folder with (sub)
 * behind it. NULL: none has.
 */
static char *climb(const char *from, const char *mark, const char *sub)
{
	char dir[PATH_MAX];
	size_t len = strlen(from);

	if (len >= sizeof(dir))
		return NULL;
	memcpy(dir, from, len + 1);
	for (unsigned i = 0; i < CLIMB_MAX && dir[0]; i++) {
		char *probe = join(dir, mark), *slash;
		bool hit = probe && is_file(probe);

		free(probe);
		if (hit)
			return sub ? join(dir, sub) : strdup(dir);
		slash = strrchr(dir, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	return NULL;
}

/* The folder of the running program, or "". */
static const char *exe_dir(char buf[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", buf, PATH_MAX - 1);
	char *slash;

	buf[n > 0 ? n : 0] = '\0';
	slash = strrchr(buf, '/');
	if (slash)
		*slash = '\0';
	return buf;
}

int guest_lib_dir(char **dir, struct err *err)
{
	const char *env = getenv("VISE_LIB");
	char exe[PATH_MAX], cwd[PATH_MAX];

	if (env && *env) {
		char *mark = join(env, "guest.ld");
		bool there = mark && is_file(mark);

		free(mark);
		if (!there)
			return err_set(
				err, -ENOENT,
				"VISE_LIB=%s: no guest.ld in it: unset VISE_LIB, or give the "
				"folder that guests/lib is in the source tree",
				env);
		*dir = strdup(env);
		return *dir ? 0 : err_set(err, -ENOMEM, "no memory");
	}
	exe_dir(exe);
	*dir = climb(exe, "guests/lib/guest.ld", "guests/lib");
	if (!*dir)
		*dir = climb(exe, "share/vise/guests/lib/guest.ld", "share/vise/guests/lib");
	if (!*dir && getcwd(cwd, sizeof(cwd)))
		*dir = climb(cwd, "guests/lib/guest.ld", "guests/lib");
	if (!*dir)
		return err_set(err, -ENOENT,
			       "the guests' runtime (guests/lib) is neither near the program nor "
			       "installed: run `make install`, or set VISE_LIB to its folder");
	return 0;
}

int guest_tree_dir(char **dir, struct err *err)
{
	char path[PATH_MAX];

	*dir = climb(exe_dir(path), "vmm/base/include/vmm/base.h", NULL);
	if (!*dir && getcwd(path, sizeof(path)))
		*dir = climb(path, "vmm/base/include/vmm/base.h", NULL);
	return *dir ? 0 : err_set(err, -ENOENT, "not in Vise's source tree");
}

int guest_xdg_dir(char **dir, struct err *err)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	/* The XDG specification has a relative path ignored. */
	if (xdg && xdg[0] == '/')
		*dir = join(xdg, "vise");
	else if (home && home[0] == '/')
		*dir = join(home, ".cache/vise");
	else
		return err_set(
			err, -ENOENT,
			"no folder for caches: set XDG_CACHE_HOME or HOME, or give --out DIR");
	return *dir ? 0 : err_set(err, -ENOMEM, "no memory");
}

int guest_cache_dir(char **dir, struct err *err)
{
	char *tree = NULL, *base = NULL;
	int rc;

	if (!guest_tree_dir(&tree, NULL)) {
		*dir = join(tree, "build/cache");
		/* A tree that is not ours to write to is used like an installed one. */
		rc = *dir ? file_mkdirs(*dir, NULL) : -ENOMEM;
		free(tree);
		if (!rc && !access(*dir, W_OK))
			return 0;
		free(*dir);
	}
	rc = guest_xdg_dir(&base, err);
	if (rc)
		return rc;
	*dir = join(base, "cache");
	free(base);
	return *dir ? 0 : err_set(err, -ENOMEM, "no memory");
}

int guest_find_tool(const char *name, const char *package, char **path, struct err *err)
{
	const char *dirs = getenv("PATH");

	for (const char *p = dirs ? dirs : "/usr/bin:/bin"; *p;) {
		size_t n = strcspn(p, ":");
		char *full;

		if (n && asprintf(&full, "%.*s/%s", (int)n, p, name) >= 0) {
			if (is_file(full) && !access(full, X_OK)) {
				*path = full;
				return 0;
			}
			free(full);
		}
		p += n + (p[n] == ':');
	}
	return err_set(err, -ENOENT, "%s is not installed: install the package %s (apt or dnf)",
		       name, package);
}
