/* SPDX-License-Identifier: MIT */
/*
 * Guest images: assemble, link, make flat; cached.
 *
 * The cache has three kinds of files. KEY.deps lists the files that a source included when it was
 * last built; KEY is over the source's path and contents, the mode and the tools. IMAGE.bin and
 * IMAGE.elf are named after a hash over KEY and the contents of all those files. So a changed
 * include is a new name, and nothing is ever overwritten by something different: workers that
 * build the same guest at once rename equal files over each other.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness_priv.h"

#define CACHE_FORMAT "vise-guest-2"
#define DEPS_MAX     256		  /* files that one guest includes */
#define DEP_MAX	     ((uint64_t)64 << 20) /* bytes of one of them: incbin takes large ones */
#define LOG_READ     ((uint64_t)64 << 10)

struct build {
	const struct guest_spec *s;
	const char *cache, *lib;
	char *nasm, *ld, *objcopy;
	uint64_t key; /* over everything but the includes */
	char tmp[PATH_MAX];
	struct err *err;
};

/* ---- keys ---------------------------------------------------------------------------------------- */

static uint64_t hash_text(uint64_t h, const char *s)
{
	return hash64(h, s, strlen(s) + 1);
}

/* A tool is known by its file: that says its version too, and costs no process. */
static uint64_t hash_tool(uint64_t h, const char *path)
{
	uint64_t id[4] = {0};
	struct stat st;

	if (!stat(path, &st)) {
		id[0] = (uint64_t)st.st_size;
		id[1] = (uint64_t)st.st_mtim.tv_sec;
		id[2] = (uint64_t)st.st_mtim.tv_nsec;
		id[3] = (uint64_t)st.st_ino;
	}
	return hash64(hash_text(h, path), id, sizeof(id));
}

static int hash_file(uint64_t *h, const char *path, struct err *err)
{
	void *p;
	size_t len;
	int rc = file_read(path, DEP_MAX, &p, &len, err);

	if (rc)
		return rc;
	*h = hash64(hash_text(*h, path), p, len);
	free(p);
	return 0;
}

static int first_key(struct build *b)
{
	unsigned mode = b->s->mode;
	char *script;
	int rc;

	b->key = hash_text(0, CACHE_FORMAT);
	b->key = hash_text(b->key, b->lib);
	b->key = hash64(b->key, &mode, sizeof(mode));
	b->key = hash_tool(b->key, b->nasm);
	b->key = hash_tool(b->key, b->ld);
	b->key = hash_tool(b->key, b->objcopy);
	rc = hash_file(&b->key, b->s->path, b->err);
	if (rc)
		return rc;
	if (asprintf(&script, "%s/guest.ld", b->lib) < 0)
		return err_set(b->err, -ENOMEM, "no memory");
	rc = hash_file(&b->key, script, b->err);
	free(script);
	return rc;
}

/* The image's name from the list of includes, one path a line. -ENOENT: one of them is gone. */
static int image_key(const struct build *b, const char *deps, uint64_t *key)
{
	char path[PATH_MAX];
	int rc = 0;

	*key = b->key;
	while (*deps && !rc) {
		size_t n = strcspn(deps, "\n");

		if (n >= sizeof(path))
			return -ENAMETOOLONG;
		memcpy(path, deps, n);
		path[n] = '\0';
		deps += n + (deps[n] == '\n');
		if (n)
			rc = hash_file(key, path, NULL);
	}
	return rc;
}

static char *cache_path(const struct build *b, uint64_t key, const char *suffix)
{
	char *p;

	return asprintf(&p, "%s/%016" PRIx64 "%s", b->cache, key, suffix) < 0 ? NULL : p;
}

/* ---- the tools ----------------------------------------------------------------------------------- */

/* The first line of what a tool said, cleaned by err_set(). */
static int tool_failed(const struct build *b, const char *tool, const char *log, int status)
{
	char *text = NULL, *line;
	size_t len;

	if (file_read(log, LOG_READ, (void **)&text, &len, NULL))
		text = NULL;
	line = text ? strstr(text, "error:") : NULL;
	/* The line with the word in it, else the first. */
	while (line && line > text && line[-1] != '\n')
		line--;
	if (!line)
		line = text;
	if (line)
		line[strcspn(line, "\n")] = '\0';
	if (line && *line)
		err_set(b->err, -ENOEXEC, "%s", line);
	else if (WIFSIGNALED(status))
		err_set(b->err, -ENOEXEC, "%s: %s died of signal %d", b->s->path, tool,
			WTERMSIG(status));
	else
		err_set(b->err, -ENOEXEC, "%s: %s failed with status %d", b->s->path, tool,
			WEXITSTATUS(status));
	free(text);
	return -ENOEXEC;
}

static int run_tool(const struct build *b, const char *tool, const char *const argv[])
{
	extern char **environ;
	posix_spawn_file_actions_t fa;
	char log[PATH_MAX + 8];
	int rc, status;
	pid_t pid;

	snprintf(log, sizeof(log), "%s/log", b->tmp);
	rc = posix_spawn_file_actions_init(&fa);
	if (rc)
		return err_set(b->err, -rc, "cannot start %s: %s", tool, strerror(rc));
	rc = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(&fa, 1, log, O_WRONLY | O_CREAT | O_TRUNC,
						      0666);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&fa, 1, 2);
	if (!rc)
		rc = posix_spawn(&pid, tool, &fa, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (rc)
		return err_set(b->err, -rc, "cannot start %s: %s", tool, strerror(rc));
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_set(b->err, -errno, "%s was lost: %s", tool, strerror(errno));
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return tool_failed(b, strrchr(tool, '/') + 1, log, status);
	return 0;
}

/* The include folders: beside the source first, then the runtime's. nasm wants a '/' at the end. */
static int assemble(const struct build *b)
{
	static const char *const modes[] = {"-DGUEST_MODE=16", "-DGUEST_MODE=32",
					    "-DGUEST_MODE=64"};
	const char *slash = strrchr(b->s->path, '/');
	char o[PATH_MAX + 8], d[PATH_MAX + 8];
	char *beside = NULL, *lib = NULL;
	int rc = -ENOMEM;

	snprintf(o, sizeof(o), "%s/o", b->tmp);
	snprintf(d, sizeof(d), "%s/d", b->tmp);
	if (asprintf(&beside, "-I%.*s", slash ? (int)(slash + 1 - b->s->path) : 2,
		     slash ? b->s->path : "./") < 0)
		beside = NULL;
	if (asprintf(&lib, "-I%s/", b->lib) < 0)
		lib = NULL;
	if (beside && lib) {
		const char *const deps[] = {
			b->nasm, "-f",	"elf64", modes[b->s->mode], beside, lib, "-M", "-MF",
			d,	 "-MT", "x",	 b->s->path,	    NULL};
		const char *const obj[] = {
			b->nasm, "-f", "elf64", "-g", "-F",	  "dwarf", modes[b->s->mode],
			beside,	 lib,  "-o",	o,    b->s->path, NULL};

		/* Apart: with -MD, which does both at once, nasm 2.16 leaves includes out. */
		rc = run_tool(b, b->nasm, deps);
		if (!rc)
			rc = run_tool(b, b->nasm, obj);
	} else {
		err_set(b->err, rc, "no memory");
	}
	free(beside);
	free(lib);
	return rc;
}

static int link_flat(const struct build *b)
{
	char o[PATH_MAX + 8], elf[PATH_MAX + 8], bin[PATH_MAX + 8];
	char *script;
	int rc;

	snprintf(o, sizeof(o), "%s/o", b->tmp);
	snprintf(elf, sizeof(elf), "%s/elf", b->tmp);
	snprintf(bin, sizeof(bin), "%s/bin", b->tmp);
	if (asprintf(&script, "%s/guest.ld", b->lib) < 0)
		return err_set(b->err, -ENOMEM, "no memory");
	{
		const char *const ld[] = {b->ld, "-n", "-T", script, "-o", elf, o, NULL};
		const char *const oc[] = {b->objcopy, "-O", "binary", elf, bin, NULL};

		rc = run_tool(b, b->ld, ld);
		if (!rc)
			rc = run_tool(b, b->objcopy, oc);
	}
	free(script);
	return rc;
}

/*
 * nasm's `x : a b \<newline> c` as one path a line, the source itself left out. A blank or '#' in a
 * name comes with a backslash, a '$' twice.
 */
static void parse_deps(const char *text, const char *source, struct buf *out)
{
	const char *p = strchr(text, ':');
	struct buf name = {.max = PATH_MAX};
	unsigned n = 0;

	for (p = p ? p + 1 : text; n < DEPS_MAX; p++) {
		if (*p == '\\' && p[1] == '\n') {
			p++;
		} else if (*p == '\\' && (p[1] == ' ' || p[1] == '#' || p[1] == '\\')) {
			buf_put(&name, ++p, 1);
			continue;
		} else if (*p == '$' && p[1] == '$') {
			buf_put(&name, ++p, 1);
			continue;
		} else if (*p && !strchr(" \t\r\n", *p)) {
			buf_put(&name, p, 1);
			continue;
		}
		if (name.len && strcmp(name.p, source)) {
			buf_printf(out, "%s\n", name.p);
			n++;
		}
		name.len = 0;
		if (!*p)
			break;
	}
	out->failed |= name.failed || n == DEPS_MAX;
	buf_free(&name);
}

/* ---- the cache ----------------------------------------------------------------------------------- */

static int move_in(const struct build *b, const char *from, uint64_t key, const char *suffix)
{
	char src[PATH_MAX + 8], *dst = cache_path(b, key, suffix);
	int rc = 0;

	snprintf(src, sizeof(src), "%s/%s", b->tmp, from);
	if (!dst || rename(src, dst) < 0) {
		rc = dst ? -errno : -ENOMEM;
		err_set(b->err, rc, "cannot put the image into %s: %s", b->cache, strerror(-rc));
	}
	free(dst);
	return rc;
}

/* The image for the includes in KEY.deps, if both are there. */
static char *look_up(const struct build *b)
{
	char *path = cache_path(b, b->key, ".deps"), *bin = NULL, *elf = NULL;
	void *deps = NULL;
	uint64_t key;
	size_t len;

	if (path && !file_read(path, GUEST_FILE_MAX, &deps, &len, NULL) &&
	    !image_key(b, deps, &key)) {
		bin = cache_path(b, key, ".bin");
		elf = cache_path(b, key, ".elf");
		if (bin && (access(bin, R_OK) || !elf || access(elf, R_OK))) {
			free(bin);
			bin = NULL;
		}
	}
	free(elf);
	free(deps);
	free(path);
	return bin;
}

static int store(const struct build *b, char **image)
{
	char d[PATH_MAX + 8], *deps_path;
	struct buf deps = {0};
	void *text;
	uint64_t key;
	size_t len;
	int rc;

	snprintf(d, sizeof(d), "%s/d", b->tmp);
	rc = file_read(d, GUEST_FILE_MAX, &text, &len, b->err);
	if (rc)
		return rc;
	parse_deps(text, b->s->path, &deps);
	free(text);
	rc = deps.failed ? err_set(b->err, -E2BIG, "%s: includes more than %d files", b->s->path,
				   DEPS_MAX - 1)
			 : 0;
	if (!rc) {
		rc = image_key(b, buf_str(&deps), &key);
		if (rc)
			err_set(b->err, rc, "%s: an include went away while it was built",
				b->s->path);
	}
	if (!rc)
		rc = move_in(b, "elf", key, ".elf");
	if (!rc)
		rc = move_in(b, "bin", key, ".bin");
	/* Last: whoever finds the list finds the image. */
	deps_path = cache_path(b, b->key, ".deps");
	if (!rc && deps_path)
		rc = file_write(deps_path, buf_str(&deps), deps.len, b->err);
	*image = rc ? NULL : cache_path(b, key, ".bin");
	if (!rc && !*image)
		rc = err_set(b->err, -ENOMEM, "no memory");
	free(deps_path);
	buf_free(&deps);
	return rc;
}

static void remove_tmp(const struct build *b)
{
	static const char *const names[] = {"o", "d", "elf", "bin", "log"};
	char path[PATH_MAX + 8];

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->tmp, names[i]);
		unlink(path);
	}
	rmdir(b->tmp);
}

static int build(struct build *b, char **image)
{
	int n = snprintf(b->tmp, sizeof(b->tmp), "%s/tmp.XXXXXX", b->cache), rc;

	if (n < 0 || (size_t)n >= sizeof(b->tmp))
		return err_set(b->err, -ENAMETOOLONG, "%s: name too long for a cache", b->cache);
	rc = file_mkdirs(b->cache, b->err);
	if (rc)
		return rc;
	if (!mkdtemp(b->tmp)) {
		rc = -errno;
		return err_set(b->err, rc, "cannot make a folder in the cache %s: %s", b->cache,
			       strerror(-rc));
	}
	rc = assemble(b);
	if (!rc)
		rc = link_flat(b);
	if (!rc)
		rc = store(b, image);
	remove_tmp(b);
	return rc;
}

int guest_assemble(const struct guest_spec *s, const char *cache_dir, const char *lib_dir,
		   char **image, struct err *err)
{
	struct build b = {.s = s, .cache = cache_dir, .lib = lib_dir, .err = err};
	size_t len;
	int rc;

	*image = NULL;
	rc = guest_find_tool("nasm", "nasm", &b.nasm, err);
	if (!rc)
		rc = guest_find_tool("ld", "binutils", &b.ld, err);
	if (!rc)
		rc = guest_find_tool("objcopy", "binutils", &b.objcopy, err);
	if (!rc)
		rc = first_key(&b);
	if (!rc)
		*image = look_up(&b);
	if (!rc && !*image)
		rc = build(&b, image);
	/* `load: elf` wants the file that was linked. */
	if (!rc && (s->load == GUEST_ELF || s->load == GUEST_MULTIBOOT_ELF)) {
		len = strlen(*image);
		memcpy(*image + len - 4, ".elf", 4);
	}
	free(b.nasm);
	free(b.ld);
	free(b.objcopy);
	return rc;
}

void guest_vm_spec(const struct guest_spec *s, const char **dev, struct vm_spec *out)
{
	static const enum load_kind kinds[] = {
		[GUEST_FLAT] = LOAD_FLAT,
		[GUEST_MULTIBOOT] = LOAD_MULTIBOOT,
		[GUEST_MULTIBOOT_ELF] = LOAD_MULTIBOOT,
		[GUEST_ELF] = LOAD_ELF,
		[GUEST_BZIMAGE] = LOAD_BZIMAGE,
	};

	*out = (struct vm_spec){.cpu = VM_CPU_KVM, .mem = s->mem, .devices = dev};
	for (unsigned i = 0; i < s->nr_devices; i++)
		dev[i] = s->devices[i];
	out->nr_devices = s->nr_devices;
	out->load.kind = kinds[s->load];
	out->load.base = GUEST_BASE;
	out->load.mode = X86_REAL;
	out->load.cmdline = s->cmdline;
	out->load.initrd.data = s->initrd.p;
	out->load.initrd.len = s->initrd.len;
	for (unsigned i = 0; i < s->nr_modules; i++) {
		out->load.mods[i].data = s->module[i].p;
		out->load.mods[i].len = s->module[i].len;
		out->load.mods[i].cmdline = s->module_name[i];
	}
	out->load.nr_mods = s->nr_modules;
	out->input = s->input.p;
	out->input_len = s->input.len;
}
