/* SPDX-License-Identifier: MIT */
/* load: a flat image: bytes at an address, started at its first byte in the mode asked for. */
#include "load_priv.h"

/*
 * The page below the image is the stack where that is free RAM: not ours, and not between the
 * extended BIOS data area and 1 MiB, where firmware tables are. Else it is one in the info area,
 * which a flat image leaves free. Real mode's SP has 16 bits.
 */
static uint64_t pick_stack(const struct load_plan *p, uint64_t base)
{
	uint64_t top = align_down(base, 16), low = LOAD_PAGE;

	if (p->req->mode == X86_REAL)
		return top > 0xfff0 ? 0xfff0 : top;
	if (p->req->mode == X86_LONG) /* the page tables, were they as large as can be */
		low = X86_BOOT_PT + (2 + (LOAD_64G >> 30)) * LOAD_PAGE;
	if (top < low + LOAD_PAGE || (top > LOAD_EBDA && top < LOAD_1M + LOAD_PAGE) ||
	    !load_in_ram(p->mem, top - LOAD_PAGE, LOAD_PAGE))
		return INFO_STACK;
	return top;
}

int load_flat(struct load_plan *p)
{
	const struct load_req *req = p->req;
	uint64_t base = req->base;

	if (req->mode != X86_REAL && req->mode != X86_PROT && req->mode != X86_LONG)
		return err_set(p->err, -EINVAL,
			       "flat image: mode %d is none that there is: use real, prot or long",
			       (int)req->mode);
	if (req->mode == X86_REAL && base >= LOAD_1M)
		return err_set(p->err, -EINVAL,
			       "flat image: base 0x%llx is out of real mode's reach: use an "
			       "address below 1 MiB",
			       (unsigned long long)base);
	if (req->mode == X86_PROT && base >= LOAD_4G)
		return err_set(p->err, -EINVAL,
			       "flat image: base 0x%llx is out of protected mode's reach: use an "
			       "address below 4 GiB",
			       (unsigned long long)base);
	p->res->mode = req->mode;
	p->res->entry = base;
	p->stack = pick_stack(p, base);
	return load_claim_image(p, "flat image", base, req->image.len, req->image.data,
				req->image.len, LOAD_KEEP);
}
