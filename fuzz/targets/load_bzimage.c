/* SPDX-License-Identifier: MIT */
/*
 * load_bzimage: a Linux bzImage, the way it is booted, its command line, initrd and one of four small
 * memories, made from the input, through load_image(). A slow model says which images must be accepted
 * and where the kernel, or the one that is packed in it, then lies; the zero page, setup header or
 * start info is read as the kernel would. The input's format: fuzz/engine/load_model.h.
 * @format 2
 * @modules load
 */
#include "load_model.h"

DEPTH_COUNTERS(LM_COUNTERS, at_preferred, moved, not_relocatable, above_4g, initrd_placed,
	       by_direct, by_direct_32, by_64, by_32, by_16, by_pvh, unpacked, old_protocol);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

LM_QUIET_BEGIN
/* The setup header as the version has it. */
struct kernel {
	unsigned version;
	size_t end;
	lm_wide setup, size, total;
	lm_wide payload, payload_len;
	uint64_t pref, align, cmdline_max, initrd_max;
	unsigned xflags;
	bool moves;
};

static unsigned least_end(unsigned version)
{
	static const unsigned ends[] = {0x224, 0x226, 0x22c, 0x230, 0x230, 0x235,
					0x23c, 0x248, 0x250, 0x258, 0x264};

	return ends[version - 0x200 < 10 ? version - 0x200 : 10];
}

static bool header(const uint8_t *b, size_t len, struct kernel *k)
{
	lm_wide rest, sys;

	memset(k, 0, sizeof(*k));
	if (len < 0x268 || memcmp(b + 0x202, "HdrS", 4) != 0 ||
	    memcmp(b + 0x1fe, "\x55\xaa\xeb", 3) != 0)
		return false;
	k->version = lm_le16(b + 0x206);
	k->end = 0x202u + b[0x201];
	if (k->version < 0x200 || !(b[0x211] & 1) || k->end < least_end(k->version) ||
	    k->end > 0x290 || k->end > len)
		return false;
	k->setup = (lm_wide)((b[0x1f1] ? b[0x1f1] : 4) + 1) * 512;
	if (k->setup >= len)
		return false;
	rest = len - k->setup;
	sys = (lm_wide)(k->version < 0x204 ? lm_le16(b + 0x1f4) : lm_le32(b + 0x1f4)) * 16;
	if (sys > rest + 15)
		return false;
	k->size = k->version >= 0x204 && sys < rest ? sys : rest;
	if (k->size <= 0x200)
		return false;
	k->moves = k->version >= 0x205 && b[0x234];
	k->align = k->version >= 0x205 ? lm_le32(b + 0x230) : 0;
	k->cmdline_max = k->version >= 0x206 ? lm_le32(b + 0x238) : 255;
	k->initrd_max = k->version >= 0x203 ? lm_le32(b + 0x22c) : 0x37ffffff;
	k->pref = k->version >= 0x20a ? lm_le64(b + 0x258) : 0;
	k->total = k->version >= 0x20a ? lm_le32(b + 0x260) : 0;
	k->total = k->total > k->size ? k->total : k->size;
	k->xflags = k->version >= 0x20c ? lm_le16(b + 0x236) : 0;
	if (k->moves && __builtin_popcountll(k->align) != 1)
		return false;
	if (k->version < 0x208 || !lm_le32(b + 0x24c))
		return true;
	k->payload = lm_le32(b + 0x248);
	k->payload_len = lm_le32(b + 0x24c);
	return k->payload + k->payload_len <= k->size;
}

static enum load_boot way(const struct kernel *k, enum load_boot asked)
{
	enum load_boot guest = k->xflags & 1 ? LOAD_BOOT_64 : LOAD_BOOT_32;

	if (k->version < 0x20c && !k->payload_len)
		guest = LOAD_BOOT_16;

	if (asked == LOAD_BOOT_AUTO)
		return k->payload_len ? LOAD_BOOT_DIRECT : guest;
	return asked == LOAD_BOOT_GUEST ? guest : asked;
}

static bool usable(const struct lm_case *c, const struct kernel *k, bool high, lm_wide at)
{
	return at >= 0x100000 && at + k->total <= (lm_wide)(high ? 64 : 4) << 30 &&
	       lm_is_ram(c->ram, at, k->total);
}

/* Where the kernel goes: all multiples of its alignment are tried, or it stays where it must be. */
static lm_wide place(const struct lm_case *c, const struct kernel *k, enum load_boot boot)
{
	uint64_t pref = k->pref ? k->pref : 0x100000;
	bool high = boot == LOAD_BOOT_64 && k->xflags & 2;

	if (!k->moves && boot != LOAD_BOOT_64 && (lm_wide)pref + k->total > (lm_wide)4 << 30)
		return 0;
	if (!k->moves || (!(pref % k->align) && usable(c, k, high, pref)))
		return pref;
	for (unsigned i = 0; i < 6; i++) {
		const struct lm_region *r = &lm_ram[c->ram][i];
		uint64_t at = r->gpa < 0x100000 ? 0x100000 : r->gpa;

		if (r->kind != GMEM_RAM)
			continue;
		at = (at + k->align - 1) / k->align * k->align;
		if (usable(c, k, high, at))
			return at;
	}
	return 0;
}

static uint64_t ram_size(unsigned ram)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < 6; i++)
		sum += lm_ram[ram][i].kind == GMEM_RAM ? lm_ram[ram][i].len : 0;
	return sum;
}

/* The kernel that is packed: as it is, or as unpack() gives it (whose own target judges that). */
static bool inner(const struct lm_case *c, const struct kernel *k, const uint8_t **b, size_t *len)
{
	const uint8_t *in = c->img + (size_t)(k->setup + k->payload);
	size_t n = (size_t)k->payload_len, made, used, want;
	enum unpack_format f = unpack_detect(in, n);

	*b = in;
	*len = n;
	if (lm_is_elf(in, n))
		return true;
	if (f == UNPACK_NONE || n <= 4)
		return false;
	want = lm_le32(in + n - 4);
	if (!want || want > ram_size(c->ram) || want > sizeof(lm.inner))
		return false;
	*b = lm.inner;
	*len = want;
	return !unpack(f, in, f == UNPACK_GZIP ? n : n - 4, lm.inner, want, &made, &used, NULL) &&
	       made == want;
}

/* What the 16-bit protocol has beside the kernel: setup code below its heap, a shorter command line. */
static bool by_setup(const struct lm_case *c, struct lm_plan *pl, const struct kernel *k)
{
	lm_wide limit = (lm_wide)k->initrd_max + 1;

	pl->own_entry = true;
	pl->entry = LOAD_INFO + 0x200;
	if (limit > (lm_wide)4 << 30)
		limit = (lm_wide)4 << 30;
	if (k->setup > 0x9000 || c->cmdline > k->cmdline_max || c->cmdline > 4095 || c->req.nr_mods)
		return false;
	if (c->req.initrd.len && !lm_high(c, pl, c->req.initrd.len, limit, &pl->initrd))
		return false;
	return lm_finish(c, pl);
}

static bool packed(const struct lm_case *c, struct lm_plan *pl, const struct kernel *k)
{
	lm_wide at = place(c, k, pl->boot);

	pl->mode = pl->boot == LOAD_BOOT_64   ? X86_LONG
		   : pl->boot == LOAD_BOOT_32 ? X86_PROT
					      : X86_REAL;
	pl->entry = (uint64_t)at + (pl->boot == LOAD_BOOT_64 ? 0x200 : 0);
	if (!at ||
	    !lm_image(c, pl, at, k->total, c->img + (size_t)k->setup, (uint64_t)k->size, true))
		return false;
	return pl->boot == LOAD_BOOT_16 ? by_setup(c, pl, k)
					: lm_linux(c, pl, k->cmdline_max, k->initrd_max);
}

/* Sizes and offsets in the setup header, up to where header() can be asked. */
static void mend_header(struct lm_mend *m)
{
	uint8_t *b = m->b;
	unsigned version, end;
	size_t setup, rest, sys;

	if (lm_mends(m, LM_MEND_SIZE))
		lm_grow(m, 0x290);
	if (m->len < 0x290)
		return;
	if (lm_mends(m, LM_MEND_MAGIC)) {
		st_le32(b + 0x202, 0x53726448); /* "HdrS" */
		st_le16(b + 0x1fe, 0xaa55);
		b[0x200] = 0xeb;
	}
	if (lm_mends(m, LM_MEND_VERSION) && lm_le16(b + 0x206) < 0x200)
		st_le16(b + 0x206, (uint16_t)(0x200 + (lm_le16(b + 0x206) & 15)));
	if (lm_mends(m, LM_MEND_TYPE))
		b[0x211] |= 1;
	version = lm_le16(b + 0x206);
	end = 0x202u + b[0x201];
	if (lm_mends(m, LM_MEND_TABLE) && version >= 0x200 &&
	    (end < least_end(version) || end > 0x290))
		b[0x201] = (uint8_t)(least_end(version) - 0x202);
	setup = ((b[0x1f1] ? b[0x1f1] : (size_t)4) + 1) * 512;
	if (lm_mends(m, LM_MEND_FILE) && setup + 0x201 > m->len) {
		if (setup > 0x1000)
			b[0x1f1] = 1;
		setup = ((b[0x1f1] ? b[0x1f1] : (size_t)4) + 1) * 512;
		lm_grow(m, setup + 0x210);
	}
	if (setup >= m->len)
		return;
	rest = m->len - setup;
	sys = (size_t)(version < 0x204 ? lm_le16(b + 0x1f4) : lm_le32(b + 0x1f4)) * 16;
	if (lm_mends(m, LM_MEND_FILE) && (sys > rest + 15 || (version >= 0x204 && sys <= 0x200)))
		st_le32(b + 0x1f4, (uint32_t)((rest + 15) / 16));
	if (lm_mends(m, LM_MEND_ALIGN) && version >= 0x205 && b[0x234] &&
	    __builtin_popcount(lm_le32(b + 0x230)) != 1)
		st_le32(b + 0x230, 0x1000u << lm_le32(b + 0x230) % 9);
	if (lm_mends(m, LM_MEND_PAYLOAD) && version >= 0x208 &&
	    lm_le32(b + 0x248) + (uint64_t)lm_le32(b + 0x24c) > rest)
		st_le32(b + 0x24c, 0);
}

/* The kernel inside where it is an ELF file as it is; what is packed stays, or counts as none. */
static void mend_payload(struct lm_mend *m, struct kernel *k, bool pvh)
{
	uint8_t *b = m->b + (size_t)(k->setup + k->payload);
	struct lm_mend in = *m;
	struct lm_elf e;

	if (!lm_mends(m, LM_MEND_PAYLOAD))
		return;
	if (k->payload_len < 0x80 || !lm_is_elf(b, (size_t)k->payload_len)) {
		if (unpack_detect(b, (size_t)k->payload_len) == UNPACK_NONE) {
			st_le32(m->b + 0x24c, 0);
			k->payload_len = 0;
		}
		return;
	}
	in.b = b;
	in.len = (size_t)k->payload_len; /* which cannot grow: it has that size already */
	in.least = lm_boot_end(pvh || b[4] == 1 ? X86_PROT : X86_LONG, 0);
	if (!lm_mend_elf(&in, (uint64_t)(pvh || b[4] == 1 ? 4 : 64) << 30, &e))
		return;
	if (!pvh)
		lm_mend_entry(&in, &e);
}

static void mend(struct lm_mend *m)
{
	struct lm_case *c = m->c;
	uint8_t *b = m->b;
	struct kernel k;
	enum load_boot boot;

	mend_header(m);
	if (!header(b, m->len, &k))
		return;
	if (k.payload_len)
		mend_payload(m, &k, c->req.boot == LOAD_BOOT_PVH);
	if (lm_mends(m, LM_MEND_BOOT) &&
	    ((c->req.boot == LOAD_BOOT_64 && !(k.xflags & 1)) ||
	     ((c->req.boot == LOAD_BOOT_DIRECT || c->req.boot == LOAD_BOOT_PVH) && !k.payload_len)))
		c->req.boot = LOAD_BOOT_AUTO;
	boot = way(&k, c->req.boot);
	if (lm_mends(m, LM_MEND_REQUEST) && c->cmdline > k.cmdline_max) {
		c->cmdline = k.cmdline_max < 255 ? k.cmdline_max : 255;
		c->req.cmdline = c->cmdline ? lm.text + sizeof(lm.text) - 1 - c->cmdline : NULL;
	}
	if (lm_mends(m, LM_MEND_REQUEST) && boot == LOAD_BOOT_16 && c->cmdline > 4095) {
		c->cmdline &= 0xff;
		c->req.cmdline = lm.text + sizeof(lm.text) - 1 - c->cmdline;
	}
	if (lm_mends(m, LM_MEND_REQUEST) && c->req.initrd.len && k.version >= 0x203 &&
	    k.initrd_max < 0x140000)
		st_le32(b + 0x22c, 0x7fffffff);
	m->least = lm_boot_end(boot == LOAD_BOOT_64 ? X86_LONG : X86_PROT, 0);
	m->n = 0;
	if (!lm_mends(m, LM_MEND_PLACE) || boot == LOAD_BOOT_DIRECT || boot == LOAD_BOOT_PVH)
		return;
	if (lm_room(m, place(c, &k, boot), k.total))
		return;
	st_le32(b + 0x260, lm_le32(b + 0x260) % 0x8000);
	st_le32(b + 0x230, 0x1000);
	st_le64(b + 0x258, 0x100000);
}

static void model(const struct lm_case *c, struct lm_plan *pl)
{
	const uint8_t *b;
	struct kernel k;
	size_t len;

	pl->mode = X86_LONG;
	if (!header(c->img, c->len, &k))
		return;
	pl->header = true;
	pl->boot = way(&k, c->req.boot);
	switch (pl->boot) {
	case LOAD_BOOT_DIRECT:
		pl->accept = k.payload_len && inner(c, &k, &b, &len) && lm_vmlinux(c, pl, b, len) &&
			     lm_linux(c, pl, k.cmdline_max, k.initrd_max);
		break;
	case LOAD_BOOT_PVH:
		pl->accept = k.payload_len && inner(c, &k, &b, &len) &&
			     lm_pvh(c, pl, b, len, k.cmdline_max);
		break;
	case LOAD_BOOT_64:
		pl->accept = k.xflags & 1 && packed(c, pl, &k);
		break;
	default:
		pl->accept = packed(c, pl, &k);
		break;
	}
}

/* Fields of the setup header that the loader writes; every other is as in the file. */
static const struct {
	unsigned off, size;
} written[] = {
	{0x1fa, 2}, {0x210, 2}, {0x214, 4}, {0x218, 8}, {0x224, 4}, {0x228, 4}, {0x250, 8},
};

static void check_header(const struct lm_case *c, struct gmem *mem, uint64_t z, unsigned from,
			 unsigned to, const struct kernel *k)
{
	const uint8_t *now = lm_at(mem, z);
	uint8_t want[0x2d0];
	unsigned end = from == 0x1f1 && k->end < to ? (unsigned)k->end : to;

	memcpy(want + from, c->img + from, end - from);
	memset(want + end, 0, to - end);
	for (unsigned i = 0; i < ARRAY_SIZE(written); i++)
		memcpy(want + written[i].off, now + written[i].off, written[i].size);
	for (unsigned at = from; !lm_same(now + from, want + from, to - from) && at < to; at++)
		FUZZ_ORACLE(now[at] == want[at], "setup-header", "byte 0x%x", at);
	FUZZ_ORACLE(lm_peek(mem, z + 0x210, 1) == 0xff, "setup-header", "type_of_loader");
}

/* The BIOS's data from 0x400 to 0x4ff: a port, an FPU, memory, a text mode of 80 by 25; nothing else. */
static void check_bios_data(struct gmem *mem, uint64_t bios)
{
	uint8_t want[0x100] = {0};

	st_le16(want, 0x3f8);
	st_le16(want + 0x10, 1 << 9 | 1 << 1);
	st_le16(want + 0x13, (uint16_t)(bios >> 10));
	want[0x49] = 3;
	want[0x4a] = 80;
	want[0x84] = 25 - 1;
	want[0x85] = 16;
	FUZZ_ORACLE(lm_same(lm_at(mem, 0x400), want, sizeof(want)), "bios", "its data");
}

/* The setup code with what the loader writes, and what its BIOS would answer. */
static void check_setup(const struct lm_case *c, struct gmem *mem, const struct lm_plan *pl,
			const struct kernel *k)
{
	static const uint8_t calls[] = {0x10, 0x11, 0x12, 0x13, 0x15, 0x16, 0x1a};
	uint64_t z = LOAD_INFO, bios = LOAD_INFO + 0xe000;
	struct lm_map m = {0, 0, bios};
	const uint8_t *vector = lm_at(mem, 0);
	unsigned old = k->version < 0x202, n = (unsigned)lm_peek(mem, bios + 38, 2);

	check_header(c, mem, z, old ? 0x24 : 0, 0x290, k);
	for (uint64_t at = 0x290; at < k->setup; at += 0x10)
		FUZZ_ORACLE(lm_same(lm_at(mem, z + at), c->img + at, 0x10), "setup-code",
			    "16 bytes at 0x%llx", (unsigned long long)at);
	FUZZ_ORACLE(lm.res.image.gpa == z &&
			    lm.res.image.gpa + lm.res.image.len == pl->piece[0].gpa + k->total,
		    "image", "0x%llx + 0x%llx", (unsigned long long)lm.res.image.gpa,
		    (unsigned long long)lm.res.image.len);
	FUZZ_ORACLE(lm_peek(mem, z + 0x1fa, 2) == 0x0f04, "setup-header", "vid_mode");
	FUZZ_ORACLE(lm_peek(mem, z + 0x211, 1) ==
			    (c->img[0x211] | (k->version > 0x200 ? 0x80u : 0u)),
		    "setup-header", "loadflags");
	FUZZ_ORACLE(k->end < 0x258 || !lm_peek(mem, z + 0x250, 8), "setup-header", "setup_data");
	FUZZ_ORACLE(old || !lm_peek(mem, z + 0x226, 2), "setup-header", "ext_loader");
	FUZZ_ORACLE(lm_peek(mem, z + 0x214, 4) == pl->piece[0].gpa, "setup-header", "code32_start");
	FUZZ_ORACLE(lm_peek(mem, z + 0x218, 4) == pl->initrd &&
			    lm_peek(mem, z + 0x21c, 4) == c->req.initrd.len,
		    "setup-header", "ramdisk_image or ramdisk_size");
	if (old)
		FUZZ_ORACLE(lm_peek(mem, z + 0x20, 2) == 0xa33f, "setup-header", "CL_MAGIC");
	lm_check_cmdline(c, mem, old ? z + lm_peek(mem, z + 0x22, 2) : lm_peek(mem, z + 0x228, 4));
	if (k->version >= 0x201)
		FUZZ_ORACLE(lm_peek(mem, z + 0x224, 2) + 0x200 <= lm.cpu.gpr[X86_RSP] &&
				    lm_peek(mem, z + 0x211, 1) & 0x80,
			    "setup-header", "heap_end_ptr");
	for (unsigned i = X86_ES; i <= X86_GS; i++)
		FUZZ_ORACLE(lm.cpu.seg[i].sel == (i == X86_CS ? 0x9020 : 0x9000), "state",
			    "segment %u", i);
	FUZZ_ORACLE(lm.cpu.gpr[X86_RSP] + z <= lm.res.cmdline.gpa, "state", "SP");
	for (uint64_t i = 0; i < n; i++)
		lm_map_entry(c, &m, lm_peek(mem, bios + 0x400 + 20 * i, 8),
			     lm_peek(mem, bios + 0x408 + 20 * i, 8),
			     (uint32_t)lm_peek(mem, bios + 0x410 + 20 * i, 4));
	lm_map_end(c, &m);
	check_bios_data(mem, bios);
	/* the vectors that the BIOS answers, each at a slot of its own */
	for (unsigned i = 0; i < sizeof(calls); i++)
		FUZZ_ORACLE(lm_peek(mem, calls[i] * 4u, 2) == (i + 1) * 4, "bios", "call 0x%x",
			    calls[i]);
	/* every vector leads into the BIOS's slots */
	for (unsigned v = 0; v < 256; v++, vector += 4)
		FUZZ_ORACLE(lm_le16(vector + 2) == bios >> 4 && lm_le16(vector) % 4 == 0 &&
				    lm_le16(vector) < 32,
			    "bios", "vector 0x%x", v);
}

static void check(const struct lm_case *c, struct gmem *mem, const struct lm_plan *pl)
{
	uint64_t z = lm.res.info, at = lm.res.image.gpa;
	struct kernel k;

	(void)header(c->img, c->len, &k);
	if (pl->boot == LOAD_BOOT_PVH) {
		lm_check_pvh(c, mem, pl);
		return;
	}
	FUZZ_ORACLE(!pl->initrd || pl->initrd + c->req.initrd.len - 1 <= k.initrd_max, "initrd",
		    "beyond initrd_addr_max");
	if (pl->boot == LOAD_BOOT_16) {
		check_setup(c, mem, pl, &k);
		return;
	}
	lm_check_linux(c, mem, pl);
	check_header(c, mem, z, 0x1f1, 0x2d0, &k);
	FUZZ_ORACLE(lm_peek(mem, z + 0x211, 1) == (c->img[0x211] & ~2u), "setup-header",
		    "loadflags");
	FUZZ_ORACLE(lm_peek(mem, z + 0x214, 4) == (at < (uint64_t)1 << 32 ? at : 0), "setup-header",
		    "code32_start");
	FUZZ_ORACLE(!lm_peek(mem, z + 0x250, 8), "setup-header", "setup_data");
	if (k.version < 0x202)
		FUZZ_ORACLE(lm_peek(mem, z + 0x20, 2) == 0xa33f &&
				    z + lm_peek(mem, z + 0x22, 2) == lm.res.cmdline.gpa,
			    "zero-page", "the old command line");
}

static void count_way(const struct lm_verdict *v)
{
	switch (v->plan.boot) {
	case LOAD_BOOT_DIRECT:
		depth_hit(by_direct);
		if (v->plan.mode == X86_PROT)
			depth_hit(by_direct_32);
		if (v->plan.piece[0].data >= lm.inner &&
		    v->plan.piece[0].data < lm.inner + sizeof(lm.inner))
			depth_hit(unpacked);
		break;
	case LOAD_BOOT_64:
		depth_hit(by_64);
		break;
	case LOAD_BOOT_32:
		depth_hit(by_32);
		break;
	case LOAD_BOOT_16:
		depth_hit(by_16);
		break;
	default:
		depth_hit(by_pvh);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_verdict v;
	const uint8_t *b;
	uint64_t at;

	if (!lm_judge(data, size, LOAD_BZIMAGE, mend, model, check, &v))
		return 0;
	LM_COUNT(&v);
	if (v.rc || !v.modelled)
		return 0;
	b = v.c.img;
	count_way(&v);
	at = v.plan.piece[0].gpa;
	if (at == lm_le64(b + 0x258))
		depth_hit(at_preferred);
	else
		depth_hit(moved);
	if (!b[0x234])
		depth_hit(not_relocatable);
	if (lm_le16(b + 0x206) < 0x20c)
		depth_hit(old_protocol);
	if (at >> 32)
		depth_hit(above_4g);
	if (v.plan.initrd)
		depth_hit(initrd_placed);
	return 0;
}
LM_QUIET_END
