/* SPDX-License-Identifier: MIT */
/*
 * load_model: what the loader targets share: the input's format, memories to load into, and
 * a slow model of placement to judge load_image() by. For fuzz targets and their seed generators
 * only; header-only.
 *
 * An input is LM_HEAD control bytes, then the image:
 *   0  bits 0-1 which memory (lm_ram), bit 2 the target's own kind instead of LOAD_AUTO,
 *      bit 3 the image has a name, bits 4-5 mode of a flat image, bit 6 there is an RSDP, bit 7 the
 *      image and what is asked for are mended (load_mend.h) before they are used; without it the image
 *      is what the bytes are, whatever that is
 *   1  flat image: base in pages; mended: the number of the rule that is left alone (enum lm_rule)
 *   2  command line, 16 bits: its length; with bit 15 the rest of it times two
 *   4  initrd: the square root of its length
 *   5  modules: bits 0-4 how many; bits 5-7 the way to boot
 *   6  modules: the k-th has (k + 1) times so many bytes; 255: a page each, so that one ends where RAM does
 *   7  modules: length of the string of each
 *
 * The model works in 128 bits and page by page, shares nothing with the module but the public
 * header, and says for each input: accepted or not, what lies where, where it starts.
 */
#ifndef FUZZ_ENGINE_LOAD_MODEL_H
#define FUZZ_ENGINE_LOAD_MODEL_H

#include "load_mend.h"

LM_QUIET_BEGIN
#define LM_MENDED 0x80u

static inline void lm_mend(struct lm_case *c, const uint8_t *h, enum load_kind own, lm_mender *mend)
{
	struct lm_mend m;

	m.c = c;
	m.b = lm.img + LM_GUARD;
	m.len = c->len;
	m.leave = h[1] < LM_MEND_RULES ? h[1] : LM_MEND_NONE;
	m.n = 0;
	lm_mend_request(&m, own);
	mend(&m);
	c->len = m.len;
	c->img = m.b;
	c->req.image.data = m.b;
	c->req.image.len = m.len;
}

static inline size_t lm_mod_len(uint8_t unit, unsigned k)
{
	return unit == 255 ? GMEM_PAGE : (size_t)unit * (k + 1);
}

static inline void lm_parse(const uint8_t *h, enum load_kind own, struct lm_case *c)
{
	struct load_req *req = &c->req;
	size_t text = lm_half(h, 2);

	memset(req, 0, sizeof(*req));
	c->ram = h[0] & 3;
	req->kind = h[0] & 4 ? own : LOAD_AUTO;
	req->image = (struct load_blob){c->len ? c->img : NULL, c->len, NULL};
	if (h[0] & 8)
		req->image.cmdline = LM_NAME;
	req->mode = (enum x86_mode)(h[0] >> 4 & 3);
	req->base = (uint64_t)h[1] << 12;
	c->cmdline = text & 0x8000 ? (text & 0x7fff) * 2 : text;
	if (c->cmdline)
		req->cmdline = lm.text + sizeof(lm.text) - 1 - c->cmdline;
	req->initrd = (struct load_blob){lm.blob, (size_t)h[4] * h[4], NULL};
	req->nr_mods = h[5] & 31;
	req->boot = (enum load_boot)(h[5] >> 5);
	req->rsdp = h[0] & 0x40 ? LM_RSDP : 0;
	for (unsigned i = 0; i < req->nr_mods && i < LOAD_MODULES; i++)
		req->mods[i] = (struct load_blob){lm.blob, lm_mod_len(h[6], i),
						  lm.text + sizeof(lm.text) - 1 - h[7]};
}

/* After a refusal: the code is one that the header lists, nothing is touched. */
static inline void lm_check_refusal(struct gmem *mem, int rc)
{
	FUZZ_ORACLE(rc == -ENOEXEC || rc == -E2BIG || rc == -EINVAL || rc == -ENAMETOOLONG ||
			    rc == -ENOTSUP,
		    "error-code", "%d: %s", rc, lm.err.msg);
	FUZZ_ORACLE(lm.err.code == rc && lm.err.msg[0] && !strchr(lm.err.msg, '\n'),
		    "error-message", "%d: %s", lm.err.code, lm.err.msg);
	FUZZ_ORACLE(lm_same(&lm.cpu, &lm.blank, sizeof(lm.cpu)), "registers",
		    "changed by a refusal");
	if (!lm.res.touched)
		FUZZ_ORACLE(!gmem_dirty_count(mem), "touched", "said no, but pages are dirty");
}

/* What an input came to. */
struct lm_verdict {
	int rc;	       /* of load_image() */
	bool modelled; /* it was of the target's own kind */
	struct lm_plan plan;
	struct lm_case c;
};

/*
 * One input through load_image() and the oracles. (mend) puts an image of the target's format right,
 * (model) says what must come of it, (check) judges what the format hands to the guest. False: the input is none.
 */
static inline bool lm_judge(const uint8_t *data, size_t size, enum load_kind own, lm_mender *mend,
			    void (*model)(const struct lm_case *c, struct lm_plan *pl),
			    void (*check)(const struct lm_case *c, struct gmem *mem,
					  const struct lm_plan *pl),
			    struct lm_verdict *v)
{
	struct lm_case *c = &v->c;
	struct lm_plan *pl = &v->plan;
	enum load_kind kind;
	struct gmem *mem;

	if (size < LM_HEAD || size > LM_HEAD + LM_IMAGE) {
		lm_none();
		fuzz_case(0, false);
		return false;
	}
	if (!lm.ready)
		lm_setup();
	lm.own = own;
	lm.mend = mend;
	c->len = size - LM_HEAD;
	c->img = lm_copy(data + LM_HEAD, c->len);
	lm_parse(data, own, c);
	if (data[0] & LM_MENDED)
		lm_mend(c, data, own, mend);
	lm.used = c->len;
	mem = lm.mem[c->ram];
	lm.err.code = 0;
	lm.err.msg[0] = 0;
	memset(&lm.res, 0xa5, sizeof(lm.res)); /* what it does not set is seen */
	v->rc = load_image(mem, &c->req, &lm.res, &lm.cpu, &lm.err);

	kind = lm_detect(c->img, c->len);
	/* Where load_image() has detected it, and came so far as to say so, that is what is looked at. */
	if (c->req.kind != LOAD_AUTO || lm.res.kind == LOAD_AUTO)
		FUZZ_ORACLE(load_detect(c->img, c->len) == kind, "detect", "%d", (int)kind);
	kind = lm_kind(c, kind);
	FUZZ_ORACLE(lm.res.kind == kind || (v->rc && lm.res.kind == LOAD_AUTO), "detect",
		    "kind %d, not %d", (int)lm.res.kind, (int)kind);
	if (v->rc)
		lm_check_refusal(mem, v->rc);
	else
		lm_check_result(c, mem);

	pl->header = pl->accept = pl->virt = pl->own_entry = false;
	pl->boot = LOAD_BOOT_AUTO;
	pl->n = pl->image = 0;
	pl->entry = pl->initrd = 0;
	v->modelled = kind == own && c->len;
	if (v->modelled) {
		if (lm_boot_fits(kind, c->req.boot))
			model(c, pl);
		FUZZ_ORACLE(pl->accept == !v->rc, "accept", "%s %s",
			    v->rc ? "refused:" : "accepted", lm.err.msg);
		FUZZ_ORACLE(lm.res.kind == own, "detect", "kind %d", (int)lm.res.kind);
		if (!v->rc) {
			lm_check_plan(mem, pl);
			check(c, mem, pl);
		}
	}
	if (gmem_dirty_count(mem))
		FUZZ_ORACLE(!gmem_restore(mem, lm.snap[c->ram]), "setup", "restore");
	if (!v->rc)
		memcpy(&lm.cpu, &lm.blank, sizeof(lm.cpu));
	/* What was placed, each piece an operation; deep is an image that was taken. */
	fuzz_case(1 + (v->rc ? 0 : lm.res.nr_ranges), !v->rc);
	return true;
}
LM_QUIET_END

#ifdef VISE_FUZZ
LM_QUIET_BEGIN
/* (data) as what it is after mending, so that it is not mended any more; its length. */
static inline size_t lm_mend_input(uint8_t *data, size_t size, size_t max)
{
	struct lm_case c;
	size_t len;

	if (!lm.mend || size < LM_HEAD || size > LM_HEAD + LM_IMAGE)
		return size;
	c.len = size - LM_HEAD;
	c.img = lm_copy(data + LM_HEAD, c.len);
	lm_parse(data, lm.own, &c);
	lm_mend(&c, data, lm.own, lm.mend);
	lm.used = c.len;
	len = c.cmdline;
	data[0] = (uint8_t)((data[0] & 0x3c) | c.ram | (c.req.rsdp ? 0x40 : 0));
	st_le16(data + 2, (uint16_t)(len < 0x8000 ? len : 0x8000 | len / 2));
	data[4] = c.req.initrd.len ? data[4] : 0;
	data[5] = (uint8_t)(c.req.nr_mods | (unsigned)c.req.boot << 5);
	if (LM_HEAD + c.len > max)
		return size;
	memcpy(data + LM_HEAD, c.img, c.len);
	return LM_HEAD + c.len;
}

/*
 * libFuzzer's own mutations, in one of four ways: of what it was, mended, and not mended any more; mended
 * but for one rule; and twice as often wholly mended. Most of what changes a good image without that
 * is refused at its first field.
 */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	if (seed % 4 == 0 && size && data[0] & LM_MENDED)
		size = lm_mend_input(data, size, max);
	if (LLVMFuzzerMutate)
		size = LLVMFuzzerMutate(data, size, max);
	if (size < LM_HEAD || seed % 4 == 0)
		return size;
	data[0] |= LM_MENDED;
	data[1] = (uint8_t)(seed % 4 == 1 ? seed / 4 % LM_MEND_RULES : LM_MEND_NONE);
	return size;
}
LM_QUIET_END
#endif

/* Of the targets whose images are ELF: what was placed of it. */
#define LM_COUNT_SEGMENTS(v)                                                                       \
	do {                                                                                       \
		for (unsigned i_ = 0; i_ < (v)->plan.image; i_++) {                                \
			depth_hit(segment_placed);                                                 \
			if ((v)->plan.piece[i_].filled < (v)->plan.piece[i_].len)                  \
				depth_hit(bss_zeroed);                                             \
		}                                                                                  \
		if ((v)->plan.initrd)                                                              \
			depth_hit(initrd_placed);                                                  \
	} while (0)

/* Counters that all have: LM_COUNTERS among the target's names, LM_COUNT for each input. */
#define LM_COUNTERS                                                                                \
	header_accepted, image_placed, cmdline_placed, other_kind, refused_noexec, refused_2big,   \
		refused_inval, refused_nametoolong
#define LM_COUNT(v)                                                                                \
	do {                                                                                       \
		if ((v)->plan.header)                                                              \
			depth_hit(header_accepted);                                                \
		if (!(v)->modelled)                                                                \
			depth_hit(other_kind);                                                     \
		else if (!(v)->rc)                                                                 \
			depth_hit(image_placed);                                                   \
		if ((v)->modelled && !(v)->rc && (v)->c.cmdline)                                   \
			depth_hit(cmdline_placed);                                                 \
		if ((v)->rc == -ENOEXEC)                                                           \
			depth_hit(refused_noexec);                                                 \
		else if ((v)->rc == -E2BIG)                                                        \
			depth_hit(refused_2big);                                                   \
		else if ((v)->rc == -EINVAL)                                                       \
			depth_hit(refused_inval);                                                  \
		else if ((v)->rc == -ENAMETOOLONG)                                                 \
			depth_hit(refused_nametoolong);                                            \
	} while (0)

#endif
