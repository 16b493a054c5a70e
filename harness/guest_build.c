/* SPDX-License-Identifier: MIT */
/*
 * Guest images: assemble, link, make flat; cached.
 *
 * The cache has KEY.bin and KEY.elf. KEY is a hash over the path and contents of the source and of all
 * files that it includes, the mode, the linker script and the tools. So whatever changes is a new
 * name, and nothing is ever overwritten by something different: workers that build the same guest
 * at once rename equal files over each other.
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

#define BUILD_TRIES  3
#define CACHE_FORMAT "vise-guest-4"
#define DEP_MAX	     ((uint64_t)64 << 20) /* bytes of one of them: incbin takes large ones */
#define LOG_READ     ((uint64_t)64 << 10)

struct build {
	const struct guest_spec *s;
	const char *cache, *lib;
	char *nasm, *ld, *objcopy;
	uint64_t key;
	bool cacheable; /* all of the includes are known */
	char tmp[PATH_MAX];
	struct err *err;
};

/* ---- keys ---------------------------------------------------------------------------------------- */

static uint64_t hash_text(uint64_t h, const char *s)
{
	return hash64(h, s, strlen(s) + 1);
}

/*
 * A tool is known by its file: that says its version too, and costs no process. Not by its inode: a
 * cache that is carried to another machine with the same tools is good there.
 */
static uint64_t hash_tool(uint64_t h, const char *path)
{
	uint64_t id[3] = {0};
	struct stat st;

	if (!stat(path, &st)) {
		id[0] = (uint64_t)st.st_size;
		id[1] = (uint64_t)st.st_mtim.tv_sec;
		id[2] = (uint64_t)st.st_mtim.tv_nsec;
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

/* 0 and *key; 1: an include cannot be followed, the key does not cover it. */
static int make_key(const struct build *b, uint64_t *key)
{
	unsigned mode = b->s->mode;
	char *script;
	int rc;

	*key = hash_text(0, CACHE_FORMAT);
	*key = hash_text(*key, b->lib);
	*key = hash64(*key, &mode, sizeof(mode));
	*key = hash_tool(*key, b->nasm);
	*key = hash_tool(*key, b->ld);
	*key = hash_tool(*key, b->objcopy);
	if (asprintf(&script, "%s/guest.ld", b->lib) < 0)
		return err_set(b->err, -ENOMEM, "no memory");
	rc = hash_file(key, script, b->err);
	free(script);
	return rc ? rc : guest_deps_hash(key, b->s->path, b->lib, b->err);
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
	char o[PATH_MAX + 8];
	char *beside = NULL, *lib = NULL;
	int rc = -ENOMEM;

	snprintf(o, sizeof(o), "%s/o", b->tmp);
	if (asprintf(&beside, "-I%.*s", slash ? (int)(slash + 1 - b->s->path) : 2,
		     slash ? b->s->path : "./") < 0)
		beside = NULL;
	if (asprintf(&lib, "-I%s/", b->lib) < 0)
		lib = NULL;
	if (beside && lib) {
		const char *const obj[] = {
			b->nasm, "-f", "elf64", "-g", "-F",	  "dwarf", modes[b->s->mode],
			beside,	 lib,  "-o",	o,    b->s->path, NULL};

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

static char *look_up(const struct build *b)
{
	char *bin = cache_path(b, b->key, ".bin"), *elf = cache_path(b, b->key, ".elf");

	if (bin && (!b->cacheable || !elf || access(bin, R_OK) || access(elf, R_OK))) {
		free(bin);
		bin = NULL;
	}
	free(elf);
	return bin;
}

/*
 * An include that changed while it was assembled would be stored under the wrong name: then the key
 * is not what it was, and -EAGAIN says so.
 */
static int store(const struct build *b, char **image)
{
	uint64_t key;
	int rc = make_key(b, &key);

	if (rc < 0)
		return rc;
	if (key != b->key)
		return err_set(b->err, -EAGAIN, "%s: it changes while it is being assembled",
			       b->s->path);
	rc = move_in(b, "elf", key, ".elf");
	/* Last: whoever finds the image finds the other too. */
	if (!rc)
		rc = move_in(b, "bin", key, ".bin");
	*image = rc ? NULL : cache_path(b, key, ".bin");
	if (!rc && !*image)
		rc = err_set(b->err, -ENOMEM, "no memory");
	return rc;
}

static void remove_tmp(const struct build *b)
{
	static const char *const names[] = {"o", "elf", "bin", "log"};
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

static bool wants_elf(enum guest_load load)
{
	return load == GUEST_ELF || load == GUEST_MULTIBOOT_ELF || load == GUEST_MULTIBOOT2 ||
	       load == GUEST_PVH;
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
	for (unsigned i = 0; !rc && i < BUILD_TRIES; i++) {
		rc = make_key(&b, &b.key);
		b.cacheable = !rc;
		if (rc < 0)
			break;
		*image = look_up(&b);
		rc = *image ? 0 : build(&b, image);
		if (rc != -EAGAIN)
			break;
		if (i + 1 < BUILD_TRIES)
			rc = 0;
	}
	/* `load: elf` and its like want the file that was linked. */
	if (!rc && *image && wants_elf(s->load)) {
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
		[GUEST_BZIMAGE_32] = LOAD_BZIMAGE,
		[GUEST_BZIMAGE_16] = LOAD_BZIMAGE,
		[GUEST_MULTIBOOT2] = LOAD_MULTIBOOT2,
		[GUEST_PVH] = LOAD_PVH,
		[GUEST_ROM] = LOAD_ROM,
	};

	*out = (struct vm_spec){.cpu = s->cpu == GUEST_KVM ? VM_CPU_KVM : VM_CPU_SOFT,
				.mem = s->mem,
				.devices = dev};
	for (unsigned i = 0; i < s->nr_devices; i++)
		dev[i] = s->devices[i];
	out->nr_devices = s->nr_devices;
	out->disks = (const char *const *)s->disks;
	out->nr_disks = s->nr_disks;
	out->nets = (const char *const *)s->nets;
	out->nr_nets = s->nr_nets;
	out->chrs = (const char *const *)s->chrs;
	out->nr_chrs = s->nr_chrs;
	out->cpu_model = s->cpu_model;
	out->machine = s->machine;
	out->load.kind = kinds[s->load];
	if (s->load == GUEST_BZIMAGE_32)
		out->load.boot = LOAD_BOOT_32;
	else if (s->load == GUEST_BZIMAGE_16)
		out->load.boot = LOAD_BOOT_16;
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
