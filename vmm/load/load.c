/* SPDX-License-Identifier: MIT */
/* load: what an image is, what a request may ask for, and the way to the format's loader. */
#include <stdlib.h>

#include "load_priv.h"

const char *load_kind_name(enum load_kind kind)
{
	static const char *const names[LOAD_KINDS] = {
		[LOAD_AUTO] = "auto", [LOAD_FLAT] = "flat",	  [LOAD_MULTIBOOT] = "multiboot",
		[LOAD_ELF] = "elf",   [LOAD_BZIMAGE] = "bzimage", [LOAD_MULTIBOOT2] = "multiboot2",
		[LOAD_PVH] = "pvh",   [LOAD_ROM] = "rom",
	};

	return (unsigned)kind < LOAD_KINDS ? names[kind] : "unknown";
}

static const char *const boots[LOAD_BOOTS] = {
	[LOAD_BOOT_AUTO] = "auto", [LOAD_BOOT_DIRECT] = "direct", [LOAD_BOOT_GUEST] = "guest",
	[LOAD_BOOT_64] = "64",	   [LOAD_BOOT_32] = "32",	  [LOAD_BOOT_16] = "16",
	[LOAD_BOOT_PVH] = "pvh",
};

const char *load_boot_name(enum load_boot boot)
{
	return (unsigned)boot < LOAD_BOOTS ? boots[boot] : "unknown";
}

int load_boot_parse(const char *name, enum load_boot *boot)
{
	for (unsigned i = 0; i < LOAD_BOOTS; i++) {
		if (!strcmp(name, boots[i])) {
			*boot = (enum load_boot)i;
			return 0;
		}
	}
	return -EINVAL;
}

static bool is_bzimage(const uint8_t *image, size_t len)
{
	return len >= HDR_MAGIC + 4 && ld_le32(image + HDR_MAGIC) == HDR_MAGIC_HDRS;
}

enum load_kind load_detect(const void *image, size_t len)
{
	struct load_blob elf = {image, len, NULL};
	uint64_t entry;

	if (!image)
		return LOAD_FLAT;
	if (load_multiboot_find(image, len, NULL) >= 0)
		return LOAD_MULTIBOOT;
	if (load_multiboot2_find(image, len, NULL) >= 0)
		return LOAD_MULTIBOOT2;
	if (is_bzimage(image, len))
		return LOAD_BZIMAGE;
	if (load_elf_pvh(&elf, &entry))
		return LOAD_PVH;
	return load_is_elf(image, len) ? LOAD_ELF : LOAD_FLAT;
}

/*
 * The kind and the way to boot that the request comes to. An ELF file that was only detected to be a
 * multiboot or PVH image is what the way to boot makes of it.
 */
static enum load_kind pick_kind(const struct load_req *req)
{
	const struct load_blob *im = &req->image;
	enum load_kind kind = req->kind;

	if (kind != LOAD_AUTO)
		return kind;
	kind = load_detect(im->data, im->len);
	if (kind != LOAD_BZIMAGE && load_is_elf(im->data, im->len)) {
		if (req->boot == LOAD_BOOT_64)
			return LOAD_ELF;
		if (req->boot == LOAD_BOOT_PVH)
			return LOAD_PVH;
	}
	return kind;
}

static int check_boot(const struct load_req *req, enum load_kind kind, struct err *err)
{
	bool fits = (unsigned)req->boot < LOAD_BOOTS;

	if (kind == LOAD_ELF)
		fits = req->boot == LOAD_BOOT_AUTO || req->boot == LOAD_BOOT_64;
	else if (kind == LOAD_PVH)
		fits = req->boot == LOAD_BOOT_AUTO || req->boot == LOAD_BOOT_PVH;
	else if (kind != LOAD_BZIMAGE)
		fits = req->boot == LOAD_BOOT_AUTO;
	if (fits)
		return 0;
	return err_set(err, -EINVAL, "a %s image cannot be booted by way of '%s': %s",
		       load_kind_name(kind), load_boot_name(req->boot),
		       kind == LOAD_BZIMAGE		      ? "use one that there is"
		       : kind == LOAD_ELF || kind == LOAD_PVH ? "an ELF kernel has 64 and pvh"
							      : "it has one entry only");
}

static int check_blob(struct err *err, const char *what, unsigned i, const struct load_blob *b)
{
	if (b->len && !b->data)
		return err_set(err, -EINVAL, "%s %u: %zu bytes at no address: pass its contents",
			       what, i, b->len);
	return 0;
}

/* What was asked for must go with the format; an option that would be lost is refused. */
static int check_request(const struct load_req *req, enum load_kind kind, struct err *err)
{
	bool linux_kind = kind == LOAD_ELF || kind == LOAD_BZIMAGE || kind == LOAD_PVH;
	bool modules = kind == LOAD_MULTIBOOT || kind == LOAD_MULTIBOOT2;
	int rc;

	if (kind != LOAD_FLAT && !modules && !linux_kind)
		return err_set(err, -EINVAL,
			       "image kind %d is none that there is: use auto, flat, "
			       "multiboot, multiboot2, elf, pvh or bzimage",
			       (int)kind);
	rc = check_boot(req, kind, err);
	if (rc)
		return rc;
	if (req->nr_mods > LOAD_MODULES)
		return err_set(err, -EINVAL, "%u modules are too many: at most %d", req->nr_mods,
			       LOAD_MODULES);
	if (req->nr_mods && !modules)
		return err_set(err, -EINVAL,
			       "a %s image takes no modules: leave them away, or use a multiboot "
			       "image",
			       load_kind_name(kind));
	if (req->initrd.len && !linux_kind)
		return err_set(err, -EINVAL, "a %s image takes no initrd: leave it away%s",
			       load_kind_name(kind), modules ? ", or pass it as a module" : "");
	if (kind == LOAD_FLAT && req->cmdline && req->cmdline[0])
		return err_set(err, -EINVAL,
			       "a flat image takes no command line: leave it away, or use a "
			       "multiboot, ELF or bzImage one");
	for (unsigned i = 0; i < req->nr_mods; i++) {
		rc = check_blob(err, "module", i, &req->mods[i]);
		if (rc)
			return rc;
	}
	return check_blob(err, "initrd", 0, &req->initrd);
}

static int dispatch(struct load_plan *p, enum load_kind kind)
{
	switch (kind) {
	case LOAD_MULTIBOOT:
		return load_multiboot(p);
	case LOAD_MULTIBOOT2:
		return load_multiboot2(p);
	case LOAD_PVH:
		return load_pvh(p);
	case LOAD_ELF:
		return load_elf(p);
	case LOAD_BZIMAGE:
		return load_bzimage(p);
	default:
		return load_flat(p);
	}
}

int load_image(struct gmem *mem, const struct load_req *req, struct load_result *res,
	       struct cpu_state *cpu, struct err *err)
{
	struct load_plan p;
	enum load_kind kind;
	bool touched;
	int rc;

	memset(res, 0, sizeof(*res));
	if (!req->image.data || !req->image.len)
		return err_set(err, -ENOEXEC, "the image is empty: give a file with contents");
	kind = pick_kind(req);
	if (kind == LOAD_ROM) {
		res->kind = kind;
		return load_rom(mem, req, res, cpu, err);
	}

	p.mem = mem;
	p.req = req;
	p.res = res;
	p.err = err;
	p.elf = req->image;
	p.unpacked = NULL;
	p.boot = req->boot;
	p.nr = p.nr_image = 0;
	p.strings = INFO_STRINGS;
	p.low_end = LOAD_EBDA;
	p.stack = INFO_STACK;
	p.state = STATE_PLAIN;
	p.mb_magic = 0;
	memset(p.page, 0, sizeof(p.page));

	rc = check_request(req, kind, err);
	if (!rc)
		rc = dispatch(&p, kind);
	if (!rc)
		rc = load_commit(&p, cpu);
	free(p.unpacked);
	if (rc) {
		touched = res->touched;
		memset(res, 0, sizeof(*res));
		res->touched = touched;
	} else {
		res->boot = p.boot;
	}
	res->kind = kind;
	return rc;
}
