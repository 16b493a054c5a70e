/* SPDX-License-Identifier: MIT */
/*
 * load_model_pvh: an ELF image with PVH's note, and its start info. Part of load_model.h.
 */
#ifndef FUZZ_ENGINE_LOAD_MODEL_PVH_H
#define FUZZ_ENGINE_LOAD_MODEL_PVH_H

#include "load_model_linux.h"

LM_QUIET_BEGIN
/* An ELF with PVH's note: its entry is in what is loaded. */
static inline bool lm_pvh(const struct lm_case *c, struct lm_plan *pl, const uint8_t *b, size_t len,
			  lm_wide cmdline_max)
{
	struct lm_elf e;

	pl->mode = X86_PROT;
	pl->boot = LOAD_BOOT_PVH;
	if (!lm_elf_header(b, len, &e))
		return false;
	pl->header = true;
	return lm_segments(c, pl, &e, (lm_wide)4 << 30) && lm_note(b, len, &pl->entry) &&
	       lm_linux(c, pl, cmdline_max, 0x7fffffff);
}

/* The state and the start info of PVH, as Xen's start_info.h has them. */
static inline void lm_check_pvh(const struct lm_case *c, struct gmem *mem, const struct lm_plan *pl)
{
	uint64_t i = lm.res.info, mod = lm_peek(mem, i + 16, 8), map = lm_peek(mem, i + 40, 8);
	uint64_t n = lm_peek(mem, i + 48, 4);
	struct lm_map m = {0, 0, 0};

	FUZZ_ORACLE(lm.cpu.gpr[X86_RBX] == i && lm.cpu.cr0 == (X86_CR0_PE | X86_CR0_ET) &&
			    !lm.cpu.cr4 && x86_code_bits(&lm.cpu) == 32,
		    "state", "EBX, CR0, CR4 or CS");
	FUZZ_ORACLE(lm_peek(mem, i, 4) == 0x336ec578 && lm_peek(mem, i + 4, 4) == 1 &&
			    !lm_peek(mem, i + 8, 4) && !lm_peek(mem, i + 52, 4),
		    "start-info", "magic, version, flags or reserved");
	FUZZ_ORACLE(lm_peek(mem, i + 32, 8) == c->req.rsdp, "start-info", "rsdp_paddr");
	FUZZ_ORACLE(lm_peek(mem, i + 12, 4) == (c->req.initrd.len ? 1 : 0), "start-info",
		    "nr_modules");
	if (c->req.initrd.len)
		FUZZ_ORACLE(lm_peek(mem, mod, 8) == pl->initrd &&
				    lm_peek(mem, mod + 8, 8) == c->req.initrd.len &&
				    !lm_peek(mem, mod + 16, 8) && !lm_peek(mem, mod + 24, 8),
			    "start-info", "the module");
	lm_check_cmdline(c, mem, lm_peek(mem, i + 24, 8));
	for (uint64_t k = 0; k < n; k++, map += 24)
		lm_map_entry(c, &m, lm_peek(mem, map, 8), lm_peek(mem, map + 8, 8),
			     (uint32_t)lm_peek(mem, map + 16, 4));
	lm_map_end(c, &m);
}
LM_QUIET_END

#endif
