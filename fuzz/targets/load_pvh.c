/* SPDX-License-Identifier: MIT */
/*
 * load_pvh: an ELF image with PVH's note, its command line, initrd and one of four small memories, made
 * from the input, through load_image(). A slow model says which images must be accepted and what then
 * lies where; the start info is read as a kernel would. The input's format: fuzz/engine/load_model.h.
 * @format 2
 * @modules load
 */
#include "load_model.h"

DEPTH_COUNTERS(LM_COUNTERS, segment_placed, bss_zeroed, initrd_placed, elf32, elf64, rsdp_given);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

LM_QUIET_BEGIN
static void model(const struct lm_case *c, struct lm_plan *pl)
{
	pl->accept = lm_pvh(c, pl, c->img, c->len, LOAD_CMDLINE_MAX - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_verdict v;

	if (!lm_judge(data, size, LOAD_PVH, lm_mend_pvh, model, lm_check_pvh, &v))
		return 0;
	LM_COUNT(&v);
	if (v.rc || !v.modelled)
		return 0;
	LM_COUNT_SEGMENTS(&v);
	if (v.c.img[4] == 1)
		depth_hit(elf32);
	else
		depth_hit(elf64);
	if (v.c.req.rsdp)
		depth_hit(rsdp_given);
	return 0;
}
LM_QUIET_END
