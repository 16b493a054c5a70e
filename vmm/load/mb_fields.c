/* SPDX-License-Identifier: MIT */
/*
 * load: the address fields of multiboot 1 (3.1.3) and 2 (3.1.5), which are the same. All sums are of
 * 32-bit values in 64 bits: they cannot wrap.
 */
#include "load_priv.h"

int load_mb_fields(struct load_plan *p, struct load_mb_fields *f)
{
	const uint64_t len = p->req->image.len;
	uint64_t end;

	if (f->load > f->header || f->header - f->load > f->off)
		return err_set(p->err, -ENOEXEC,
			       "%s: load_addr 0x%llx is over header_addr 0x%llx or starts before "
			       "the file (the header is at 0x%llx): fix the %s",
			       f->who, (unsigned long long)f->load, (unsigned long long)f->header,
			       (unsigned long long)f->off, f->where);
	f->start = f->off - (f->header - f->load);
	f->size = len - f->start;
	if (f->load_end) { /* 0: all of the file */
		if (f->load_end < f->load || f->load_end - f->load > f->size)
			return err_set(p->err, -ENOEXEC,
				       "%s: load_end_addr 0x%llx is below load_addr 0x%llx or "
				       "past the file's 0x%llx bytes: fix the %s",
				       f->who, (unsigned long long)f->load_end,
				       (unsigned long long)f->load, (unsigned long long)f->size,
				       f->where);
		f->size = f->load_end - f->load;
	}
	end = f->load + f->size;
	if (!f->bss_end) /* no bss */
		f->bss_end = end;
	if (f->bss_end < end)
		return err_set(p->err, -ENOEXEC,
			       "%s: bss_end_addr 0x%llx is below the data's end 0x%llx: fix the %s",
			       f->who, (unsigned long long)f->bss_end, (unsigned long long)end,
			       f->where);
	if (f->bss_end > LOAD_4G)
		return err_set(p->err, -E2BIG,
			       "%s: the image ends at 0x%llx, beyond 4 GiB: link it lower", f->who,
			       (unsigned long long)f->bss_end);
	return 0;
}
