/* SPDX-License-Identifier: MIT */
/* What benches that run guests of their own share: the guest from its text, a firmware that goes to it. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "fuzz.h"

int bench_folders_find(struct bench_folders *f, struct err *err)
{
	int rc = guest_tree_dir(&f->tree, err);

	rc = rc ? rc : guest_cache_dir(&f->cache, err);
	return rc ? rc : guest_lib_dir(&f->lib, err);
}

void bench_folders_free(struct bench_folders *f)
{
	free(f->tree);
	free(f->cache);
	free(f->lib);
}

int bench_assemble(const struct bench_folders *f, const char *dir, struct buf *text, char **image,
		   struct err *err)
{
	struct guest_spec spec;
	char path[PATH_MAX];
	int rc;

	cli_path(path, "%s/guest.asm", dir);
	rc = file_write(path, buf_str(text), text->len, err);
	buf_free(text);
	if (rc)
		return rc;
	rc = guest_spec_read(&spec, path, GUEST_SOFT, err);
	if (!rc) {
		rc = guest_assemble(&spec, f->cache, f->lib, image, err);
		guest_spec_free(&spec);
	}
	unlink(path);
	return rc;
}

#define ROM_LEN	  0x10000u
#define ROM_RESET 0xfff0u /* the CPU starts 16 bytes below the end */

int bench_write_rom(const char *path, struct err *err)
{
	static const uint8_t far_jump[] = {0xea, GUEST_BASE & 0xff, GUEST_BASE >> 8, 0, 0};
	uint8_t *rom = malloc(ROM_LEN);
	int rc;

	if (!rom)
		return err_set(err, -ENOMEM, "no memory");
	memset(rom, 0xf4, ROM_LEN);
	memcpy(rom + ROM_RESET, far_jump, sizeof(far_jump));
	rc = file_write(path, rom, ROM_LEN, err);
	free(rom);
	return rc;
}
