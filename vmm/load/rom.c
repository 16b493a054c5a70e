/* SPDX-License-Identifier: MIT */
/*
 * load: a ROM image at the top of 4 GiB, run from the reset vector (SDM 3A 9.1.4). As on PCs its
 * end is below 1 MiB too, where real mode reaches it.
 */
#include "load_priv.h"

static int check(struct gmem *mem, const struct load_req *req, struct err *err)
{
	size_t len = req->image.len, low = load_rom_low(len);

	if (len > LOAD_ROM_MAX)
		return err_set(err, -E2BIG, "ROM of %zu bytes: at most %u MiB fit below 4 GiB", len,
			       LOAD_ROM_MAX >> 20);
	if (len % LOAD_PAGE)
		return err_set(err, -EINVAL,
			       "ROM of %zu bytes: not a multiple of 4096; fill it up at its start: "
			       "its last byte is the last one below 4 GiB",
			       len);
	if (req->boot != LOAD_BOOT_AUTO || req->nr_mods || req->initrd.len ||
	    (req->cmdline && req->cmdline[0]))
		return err_set(err, -EINVAL,
			       "a ROM takes no command line, initrd, module or way to boot: leave "
			       "them away");
	for (uint64_t gpa = LOAD_1M - low; gpa < LOAD_1M; gpa += LOAD_PAGE)
		if (gmem_ro(mem, gpa, LOAD_PAGE))
			return err_set(err, -EINVAL,
				       "ROM: there is memory at 0x%llx, where its end belongs: "
				       "leave 0x%llx to 0x%llx free",
				       (unsigned long long)gpa, LOAD_1M - low, LOAD_1M - 1);
	return 0;
}

int load_rom(struct gmem *mem, const struct load_req *req, struct load_result *res,
	     struct cpu_state *cpu, struct err *err)
{
	const uint8_t *image = req->image.data;
	size_t len = req->image.len, low = load_rom_low(len);
	struct load_range top = {LOAD_4G - len, len}, end = {LOAD_1M - low, low};
	int rc = check(mem, req, err);

	if (rc)
		return rc;
	rc = gmem_add(mem, top.gpa, top.len, GMEM_ROM, err);
	if (rc)
		return rc;
	rc = gmem_add(mem, end.gpa, end.len, GMEM_ROM, err);
	if (rc) {
		(void)gmem_remove(mem, top.gpa);
		return rc;
	}
	(void)gmem_place(mem, top.gpa, image, len);
	(void)gmem_place(mem, end.gpa, image + len - low, low);
	res->touched = true;
	res->mode = X86_REAL;
	res->entry = LOAD_4G - 16;
	res->image = top;
	res->range[0] = top;
	res->range[1] = end;
	res->nr_ranges = 2;
	x86_state_reset(cpu);
	return 0;
}
