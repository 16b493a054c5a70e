/* SPDX-License-Identifier: MIT */
/*
 * load_elf: an ELF image, its request and one of four small memories, made from the input, through
 * load_image(). A slow model says which images must be accepted and what then lies where.
 * The input's format: fuzz/engine/load_model.h.
 * @format 2
 * @modules load
 */
#include "load_model.h"

DEPTH_COUNTERS(LM_COUNTERS, segment_placed, bss_zeroed, entry_virtual, initrd_placed, entered_32);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

LM_QUIET_BEGIN
static void model(const struct lm_case *c, struct lm_plan *pl)
{
	pl->accept = lm_vmlinux(c, pl, c->img, c->len) &&
		     !(pl->mode == X86_PROT && c->req.boot == LOAD_BOOT_64) &&
		     lm_linux(c, pl, LOAD_CMDLINE_MAX - 1, 0x7fffffff);
	pl->boot = pl->mode == X86_PROT ? LOAD_BOOT_32 : LOAD_BOOT_64;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_verdict v;

	if (!lm_judge(data, size, LOAD_ELF, lm_mend_vmlinux, model, lm_check_linux, &v))
		return 0;
	LM_COUNT(&v);
	if (v.rc || !v.modelled)
		return 0;
	LM_COUNT_SEGMENTS(&v);
	if (v.plan.virt)
		depth_hit(entry_virtual);
	if (v.plan.mode == X86_PROT)
		depth_hit(entered_32);
	return 0;
}
LM_QUIET_END
