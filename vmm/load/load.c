/* SPDX-License-Identifier: MIT */
/* load: what an image is, what a request may ask for, and the way to the format's loader. */
#include "load_priv.h"

const char *load_kind_name(enum load_kind kind)
{
	switch (kind) {
	case LOAD_AUTO:
		return "auto";
	case LOAD_FLAT:
		return "flat";
	case LOAD_MULTIBOOT:
		return "multiboot";
	case LOAD_ELF:
		return "elf";
	case LOAD_BZIMAGE:
		return "bzimage";
	}
	return "unknown";
}

static bool is_bzimage(const uint8_t *image, size_t len)
{
	return len >= HDR_MAGIC + 4 && ld_le32(image + HDR_MAGIC) == HDR_MAGIC_HDRS;
}

enum load_kind load_detect(const void *image, size_t len)
{
	if (!image)
		return LOAD_FLAT;
	if (load_multiboot_find(image, len, NULL) >= 0)
		return LOAD_MULTIBOOT;
	if (is_bzimage(image, len))
		return LOAD_BZIMAGE;
	if (load_is_elf(image, len))
		return LOAD_ELF;
	return LOAD_FLAT;
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
	bool linux_kind = kind == LOAD_ELF || kind == LOAD_BZIMAGE;

	if (kind != LOAD_FLAT && kind != LOAD_MULTIBOOT && !linux_kind)
		return err_set(err, -EINVAL,
			       "image kind %d is none that there is: use auto, flat, "
			       "multiboot, elf or bzimage",
			       (int)kind);
	if (req->nr_mods > LOAD_MODULES)
		return err_set(err, -EINVAL, "%u modules are too many: at most %d", req->nr_mods,
			       LOAD_MODULES);
	if (req->nr_mods && kind != LOAD_MULTIBOOT)
		return err_set(err, -EINVAL,
			       "a %s image takes no modules: leave them away, or use a multiboot "
			       "image",
			       load_kind_name(kind));
	if (req->initrd.len && !linux_kind)
		return err_set(err, -EINVAL, "a %s image takes no initrd: leave it away%s",
			       load_kind_name(kind),
			       kind == LOAD_MULTIBOOT ? ", or pass it as a module" : "");
	if (kind == LOAD_FLAT && req->cmdline && req->cmdline[0])
		return err_set(err, -EINVAL,
			       "a flat image takes no command line: leave it away, or use a "
			       "multiboot, ELF or bzImage one");
	for (unsigned i = 0; i < req->nr_mods; i++) {
		int rc = check_blob(err, "module", i, &req->mods[i]);

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
	enum load_kind kind = req->kind;
	bool touched;
	int rc;

	memset(res, 0, sizeof(*res));
	if (!req->image.data || !req->image.len)
		return err_set(err, -ENOEXEC, "the image is empty: give a file with contents");
	if (kind == LOAD_AUTO)
		kind = load_detect(req->image.data, req->image.len);

	p.mem = mem;
	p.req = req;
	p.res = res;
	p.err = err;
	p.nr = 0;
	p.strings = INFO_STRINGS;
	p.stack = INFO_STACK;
	p.linux_state = false;
	p.mb_magic = 0;
	memset(p.page, 0, sizeof(p.page));

	rc = check_request(req, kind, err);
	if (!rc)
		rc = dispatch(&p, kind);
	if (!rc)
		rc = load_commit(&p, cpu);
	if (rc) {
		touched = res->touched;
		memset(res, 0, sizeof(*res));
		res->touched = touched;
	}
	res->kind = kind;
	return rc;
}
