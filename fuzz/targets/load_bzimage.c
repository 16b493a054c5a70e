/* SPDX-License-Identifier: MIT */
/*
 * load_bzimage: a Linux bzImage, its command line, initrd and one of four small memories, made from
 * the input, through load_image(). A slow model says which images must be accepted and where the
 * kernel then lies; the zero page is read as the kernel would. The input's format:
 * fuzz/engine/load_model.h.
 * @modules load
 */
#include "load_model.h"

DEPTH_COUNTERS(LM_COUNTERS, at_preferred, moved, not_relocatable, above_4g, initrd_placed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

LM_QUIET_BEGIN
static bool header(const uint8_t *b, size_t len)
{
	size_t end;

	if (len < 0x268 || memcmp(b + 0x202, "HdrS", 4) != 0 ||
	    memcmp(b + 0x1fe, "\x55\xaa\xeb", 3) != 0)
		return false;
	end = 0x202u + b[0x201];
	return ld_le16(b + 0x206) >= 0x20c && b[0x211] & 1 && b[0x236] & 1 && end >= 0x264 &&
	       end <= 0x290 && end <= len;
}

static bool usable(const struct lm_case *c, lm_wide at, lm_wide total)
{
	lm_wide limit = c->img[0x236] & 2 ? (lm_wide)64 << 30 : (lm_wide)4 << 30;

	return at >= 0x100000 && at + total <= limit && lm_is_ram(c->ram, at, total);
}

/* Where the kernel goes: all multiples of its alignment are tried, or it stays where it must be. */
static lm_wide place(const struct lm_case *c, lm_wide total)
{
	uint64_t pref = ld_le64(c->img + 0x258), align = ld_le32(c->img + 0x230);

	if (!pref)
		pref = 0x100000;
	if (!c->img[0x234] || (!(pref % align) && usable(c, pref, total)))
		return pref;
	for (unsigned i = 0; i < 6; i++) {
		const struct lm_region *r = &lm_ram[c->ram][i];
		uint64_t at = r->gpa < 0x100000 ? 0x100000 : r->gpa;

		if (r->kind != GMEM_RAM)
			continue;
		at = (at + align - 1) / align * align;
		if (usable(c, at, total))
			return at;
	}
	return 0;
}

static void model(const struct lm_case *c, struct lm_plan *pl)
{
	const uint8_t *b = c->img;
	lm_wide setup, rest, sys, size, total, at;
	uint32_t align;

	pl->mode = X86_LONG;
	if (!header(b, c->len))
		return;
	pl->header = true;
	setup = (lm_wide)((b[0x1f1] ? b[0x1f1] : 4) + 1) * 512;
	sys = (lm_wide)ld_le32(b + 0x1f4) * 16;
	if (setup >= c->len)
		return;
	rest = c->len - setup;
	if (sys > rest + 15)
		return;
	size = sys < rest ? sys : rest;
	if (size <= 0x200)
		return;
	total = ld_le32(b + 0x260);
	total = total > size ? total : size;
	align = ld_le32(b + 0x230);
	if (b[0x234] && __builtin_popcount(align) != 1)
		return;
	at = place(c, total);
	pl->entry = (uint64_t)at + 0x200;
	pl->accept = at && lm_image(c, pl, at, total, b + (size_t)setup, (uint64_t)size, true) &&
		     lm_linux(c, pl, ld_le32(b + 0x238), ld_le32(b + 0x22c));
}

/* Fields of the setup header that the loader writes; every other is as in the file. */
static const struct {
	unsigned off, size;
} written[] = {
	{0x1fa, 2}, {0x210, 1}, {0x214, 4}, {0x218, 8}, {0x226, 2}, {0x228, 4}, {0x250, 8},
};

static void check(const struct lm_case *c, struct gmem *mem, const struct lm_plan *pl)
{
	uint64_t z = lm.res.info;
	unsigned end = 0x202u + c->img[0x201];

	lm_check_linux(c, mem, pl);
	for (unsigned at = 0x1f1; at < 0x2d0; at++) {
		bool ours = false;

		for (unsigned i = 0; i < ARRAY_SIZE(written); i++)
			ours |= at >= written[i].off && at - written[i].off < written[i].size;
		FUZZ_ORACLE(ours || *lm_at(mem, z + at) == (at < end ? c->img[at] : 0),
			    "setup-header", "byte 0x%x", at);
	}
	FUZZ_ORACLE(lm_peek(mem, z + 0x214, 4) ==
			    (pl->piece[0].gpa < (uint64_t)1 << 32 ? pl->piece[0].gpa : 0),
		    "setup-header", "code32_start");
	FUZZ_ORACLE(!lm_peek(mem, z + 0x250, 8), "setup-header", "setup_data");
	FUZZ_ORACLE(!pl->initrd || pl->initrd + c->req.initrd.len - 1 <= ld_le32(c->img + 0x22c),
		    "initrd", "beyond initrd_addr_max");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *b = data + LM_HEAD;
	struct lm_verdict v;
	uint64_t at;

	if (!lm_judge(data, size, LOAD_BZIMAGE, model, check, &v))
		return 0;
	LM_COUNT(&v);
	if (v.rc || !v.modelled)
		return 0;
	at = v.plan.piece[0].gpa;
	if (at == ld_le64(b + 0x258))
		depth_hit(at_preferred);
	else
		depth_hit(moved);
	if (!b[0x234])
		depth_hit(not_relocatable);
	if (at >> 32)
		depth_hit(above_4g);
	if (v.plan.initrd)
		depth_hit(initrd_placed);
	return 0;
}
LM_QUIET_END
