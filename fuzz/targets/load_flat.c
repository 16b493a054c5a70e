/* SPDX-License-Identifier: MIT */
/*
 * load_flat: a flat image or a ROM through load_image() into one of five small memories. What is in
 * their bytes does not matter to either, so an input has none: it says where, how long, in which mode
 * and what else is asked for. A slow model says what must be accepted and what is then where; of the
 * registers it says where execution begins and which stack there is.
 *
 * An input is HEAD bytes:
 *   0   bits 0-4 which memory; 0xe0 and more: a ROM, whose regions cost a mapping each; in a fuzzer one
 *       of more than 256 KiB is cut to that, but on dear inputs
 *   1   bits 0-1 mode, bit 3 detected, bit 4 a command line, bit 5 an initrd, bit 6 a module,
 *       bit 7 an RSDP
 *   2   bits 0-2 way to boot, bits 4-5 the base counts in 1, 16, 4096 or 2^24 bytes
 *   3   bits 0-1 the length counts in 1, 16, 4096 or 65536 bytes
 *   4   base, 32 bits; in bytes 8 and 9 what is added to it and to the length, signed
 *  10   length, 16 bits
 * @modules load
 */
#include <errno.h>

#include <vmm/load.h>

#include "depth.h"
#include "oracle.h"
#include "stats.h"

DEPTH_COUNTERS(flat_real, flat_prot, flat_long, rom_placed, rom_long, stack_below, stack_info,
	       refused_noexec, refused_2big, refused_inval, memory_in_the_way);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD	  12u
#define RAMS	  5u
#define REGIONS	  4u
#define FLAT_MAX  0x60000u
#define ROM_OFTEN 0x40000u
#define IMAGE	  (LOAD_ROM_MAX + 4096u)
#define MIB	  0x100000ull
#define GIB	  0x40000000ull
#define TOP	  0x100000000ull /* where a ROM ends */
#define EBDA	  0x9fc00ull

static const struct region {
	uint64_t gpa, len;
	enum gmem_kind kind;
} ram[RAMS][REGIONS] = {
	{{0, 2 * MIB, GMEM_RAM}},
	{{0, 0xa0000, GMEM_RAM}, {MIB, 0x40000, GMEM_RAM}, {TOP, 0x20000, GMEM_RAM}},
	{{0, 0x90000, GMEM_RAM}, {MIB, 0x10000, GMEM_RAM}},
	{{0, 0xa0000, GMEM_RAM},
	 {0xf0000, 0x8000, GMEM_ROM},
	 {MIB, 0x20000, GMEM_RAM},
	 {MIB + 0x20000, 0x20000, GMEM_RAM}},
	{{0, 0x3000, GMEM_RAM}, {MIB, 0x1000, GMEM_RAM}, {0xffe00000, 0x1000, GMEM_RAM}},
};

/* What is asked for. */
struct ask {
	const struct region *ram;
	struct gmem *mem;
	struct gmem_snap *snap;
	struct load_req req;
};

static struct {
	bool ready;
	struct gmem *mem[RAMS];
	struct gmem_snap *snap[RAMS];
	uint8_t *image, *buf; /* IMAGE bytes each */
	struct load_result res;
	struct cpu_state cpu, blank;
	struct err err;
} w;

static void setup(void)
{
	w.image = malloc(IMAGE);
	w.buf = malloc(IMAGE);
	FUZZ_ORACLE(w.image && w.buf, "setup", "no memory");
	for (size_t i = 0; i < IMAGE; i++)
		w.image[i] = (uint8_t)(i * 31 + 5 + (i >> 8));
	memset(&w.blank, 0xa5, sizeof(w.blank));
	for (unsigned k = 0; k < RAMS; k++) {
		FUZZ_ORACLE(!gmem_new(&w.mem[k], &w.err), "setup", "%s", w.err.msg);
		for (unsigned i = 0; i < REGIONS && ram[k][i].len; i++)
			FUZZ_ORACLE(!gmem_add(w.mem[k], ram[k][i].gpa, ram[k][i].len,
					      ram[k][i].kind, &w.err),
				    "setup", "%s", w.err.msg);
		FUZZ_ORACLE(!gmem_snap(w.mem[k], &w.snap[k], &w.err), "setup", "%s", w.err.msg);
	}
	w.ready = true;
}

/* libFuzzer without seeds gives up unless its first, empty input meets an edge. */
__attribute__((noinline)) static void none(void)
{
	__asm__ volatile("");
}

/* ---- what there is, byte by byte as far as it matters -------------------------------------------- */

static bool is_ram(const struct ask *a, uint64_t gpa, uint64_t len)
{
	if (gpa > 1ull << 40)
		return false;
	for (uint64_t at = gpa & ~0xfffull; at < gpa + len; at += 0x1000) {
		bool found = false;

		for (unsigned i = 0; i < REGIONS; i++)
			found |= a->ram[i].kind == GMEM_RAM && at >= a->ram[i].gpa &&
				 at - a->ram[i].gpa < a->ram[i].len;
		if (!found)
			return false;
	}
	return true;
}

static bool share(uint64_t x, uint64_t xlen, uint64_t y, uint64_t ylen)
{
	return x < y + ylen && y < x + xlen;
}

static bool any_memory(const struct ask *a, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < REGIONS; i++)
		if (a->ram[i].len && share(gpa, len, a->ram[i].gpa, a->ram[i].len))
			return true;
	return false;
}

static bool plain(const struct load_req *r)
{
	return r->boot == LOAD_BOOT_AUTO && !r->nr_mods && !r->initrd.len && !r->cmdline;
}

/* ---- a flat image ----------------------------------------------------------------------------------- */

/* The end of the descriptors, the TSS and, in long mode, of the page tables; they begin below. */
static uint64_t boot_end(const struct ask *a)
{
	uint64_t top = a->req.base + a->req.image.len, gib = (top + GIB - 1) / GIB;

	if (a->req.mode != X86_LONG)
		return X86_BOOT_TSS + 104;
	return X86_BOOT_PT + 0x1000 * (2 + (gib < 4 ? 4 : gib));
}

static bool flat_accepts(const struct ask *a)
{
	const struct load_req *r = &a->req;
	uint64_t base = r->base, len = r->image.len;

	if (!plain(r) || (r->mode == X86_REAL && base >= MIB) ||
	    (r->mode == X86_PROT && base >= TOP) ||
	    (r->mode != X86_REAL && r->mode != X86_PROT && r->mode != X86_LONG))
		return false;
	return len && is_ram(a, base, len) && base >= boot_end(a) &&
	       !share(base, len, LOAD_INFO, LOAD_INFO_END - LOAD_INFO) &&
	       !(r->rsdp && share(base, len, LOAD_TABLES, MIB - LOAD_TABLES)) &&
	       is_ram(a, 0, boot_end(a));
}

/* The page below the image, where nothing else is, or the last one of the info area. */
static uint64_t flat_stack(const struct ask *a)
{
	uint64_t top = a->req.base & ~15ull, low = 0x1000;

	if (a->req.mode == X86_REAL)
		return top > 0xfff0 ? 0xfff0 : top;
	if (a->req.mode == X86_LONG)
		low = X86_BOOT_PT + 0x1000 * (2 + 64); /* were there 64 GiB */
	if (top >= low + 0x1000 && is_ram(a, top - 0x1000, 0x1000) &&
	    (top <= EBDA || top >= MIB + 0x1000))
		return top;
	return LOAD_INFO + 0xf000;
}

static void check_flat(const struct ask *a)
{
	const struct load_range *r = w.res.range;
	uint64_t base = a->req.base, len = a->req.image.len, stack = flat_stack(a);

	FUZZ_ORACLE(w.res.touched && w.res.mode == a->req.mode && w.res.entry == base &&
			    !w.res.info && w.res.boot == LOAD_BOOT_AUTO,
		    "result", "mode %d, entry 0x%llx", (int)w.res.mode,
		    (unsigned long long)w.res.entry);
	FUZZ_ORACLE(w.res.nr_ranges == 1 && r->gpa == base && r->len == len &&
			    w.res.image.gpa == base && w.res.image.len == len &&
			    !w.res.initrd.len && !w.res.cmdline.len,
		    "ranges", "0x%llx, 0x%llx bytes", (unsigned long long)r->gpa,
		    (unsigned long long)r->len);
	FUZZ_ORACLE(!gmem_read(a->mem, base, w.buf, len) && !memcmp(w.buf, w.image, len), "placed",
		    "not as in the image");
	FUZZ_ORACLE(w.cpu.seg[X86_CS].base + w.cpu.rip == base, "state",
		    "execution begins at 0x%llx",
		    (unsigned long long)(w.cpu.seg[X86_CS].base + w.cpu.rip));
	FUZZ_ORACLE(w.cpu.gpr[X86_RSP] == stack, "stack", "0x%llx, not 0x%llx",
		    (unsigned long long)w.cpu.gpr[X86_RSP], (unsigned long long)stack);
	FUZZ_ORACLE(!(w.cpu.cr0 & X86_CR0_PE) == (a->req.mode == X86_REAL) &&
			    !(w.cpu.cr0 & X86_CR0_PG) == (a->req.mode != X86_LONG),
		    "state", "CR0 0x%llx", (unsigned long long)w.cpu.cr0);
	if (a->req.mode == X86_REAL)
		depth_hit(flat_real);
	else if (a->req.mode == X86_PROT)
		depth_hit(flat_prot);
	else
		depth_hit(flat_long);
	if (stack == (base & ~15ull))
		depth_hit(stack_below);
	else if (a->req.mode != X86_REAL)
		depth_hit(stack_info);
}

static void dirty_page(void *ctx, uint64_t gpa)
{
	const struct ask *a = ctx;
	uint64_t end = boot_end(a);

	FUZZ_ORACLE(gpa < end || share(gpa, 0x1000, a->req.base, a->req.image.len), "stray-write",
		    "in the page at 0x%llx", (unsigned long long)gpa);
}

/* ---- a ROM --------------------------------------------------------------------------------------------- */

static uint64_t rom_low(uint64_t len)
{
	return len < 0x20000 ? len : 0x20000;
}

static bool rom_accepts(const struct ask *a)
{
	uint64_t len = a->req.image.len;

	return plain(&a->req) && len && len % 4096 == 0 && len <= 8 * MIB &&
	       !any_memory(a, TOP - len, len) && !any_memory(a, MIB - rom_low(len), rom_low(len));
}

static void check_rom(const struct ask *a)
{
	uint64_t len = a->req.image.len, low = rom_low(len);
	const struct load_range *r = w.res.range;
	static struct cpu_state want;

	FUZZ_ORACLE(w.res.touched && w.res.mode == X86_REAL && w.res.entry == TOP - 16 &&
			    !w.res.info,
		    "result", "mode %d, entry 0x%llx", (int)w.res.mode,
		    (unsigned long long)w.res.entry);
	FUZZ_ORACLE(w.res.nr_ranges == 2 && r[0].gpa == TOP - len && r[0].len == len &&
			    r[1].gpa == MIB - low && r[1].len == low &&
			    w.res.image.gpa == r[0].gpa && w.res.image.len == len,
		    "ranges", "%u", w.res.nr_ranges);
	FUZZ_ORACLE(!gmem_read(a->mem, TOP - len, w.buf, len) && !memcmp(w.buf, w.image, len),
		    "placed", "not as in the image");
	FUZZ_ORACLE(!gmem_read(a->mem, MIB - low, w.buf, low) &&
			    !memcmp(w.buf, w.image + len - low, low),
		    "placed", "its end below 1 MiB is another");
	FUZZ_ORACLE(!gmem_rw(a->mem, TOP - len, 1) && !gmem_rw(a->mem, MIB - 1, 1), "rom",
		    "the guest may write it");
	x86_state_reset(&want);
	FUZZ_ORACLE(fuzz_same(&want, &w.cpu, sizeof(want)), "state", "not as after a reset");
	FUZZ_ORACLE(!gmem_remove(a->mem, TOP - len) && !gmem_remove(a->mem, MIB - low), "rom",
		    "its regions are not there");
	depth_hit(rom_placed);
	if (len > 0x20000)
		depth_hit(rom_long);
}

/* ---- one input ------------------------------------------------------------------------------------------- */

static void check_refusal(const struct ask *a, int rc)
{
	struct gmem_region r;
	unsigned n = 0, had = 0;

	FUZZ_ORACLE(rc == -ENOEXEC || rc == -E2BIG || rc == -EINVAL || rc == -EEXIST, "error-code",
		    "%d: %s", rc, w.err.msg);
	FUZZ_ORACLE(w.err.code == rc && w.err.msg[0] && !strchr(w.err.msg, '\n'), "error-message",
		    "%d: %s", w.err.code, w.err.msg);
	FUZZ_ORACLE(fuzz_same(&w.cpu, &w.blank, sizeof(w.cpu)), "registers",
		    "changed by a refusal");
	FUZZ_ORACLE(!w.res.touched && !gmem_dirty_count(a->mem), "touched", "by a refusal");
	while (gmem_region(a->mem, n, &r))
		n++;
	while (had < REGIONS && a->ram[had].len)
		had++;
	FUZZ_ORACLE(n == had, "regions", "%u, not %u", n, had);
	if (rc == -ENOEXEC)
		depth_hit(refused_noexec);
	else if (rc == -E2BIG)
		depth_hit(refused_2big);
	else if (rc == -EINVAL)
		depth_hit(refused_inval);
	else
		depth_hit(memory_in_the_way);
}

static void parse(const uint8_t *h, struct ask *a)
{
	unsigned which = (h[0] & 31) % RAMS;
	static const uint64_t base_unit[] = {1, 16, 4096, 1 << 24},
			      len_unit[] = {1, 16, 4096, 65536};
	uint64_t base = ld_le32(h + 4) * base_unit[h[2] >> 4 & 3];
	uint64_t len = ld_le16(h + 10) * len_unit[h[3] & 3];
	struct load_req *r = &a->req;
	bool rom = h[0] >= 0xe0;

	memset(r, 0, sizeof(*r));
	a->ram = ram[which];
	a->mem = w.mem[which];
	a->snap = w.snap[which];
	r->mode = (enum x86_mode)(h[1] & 3);
	r->kind = rom ? LOAD_ROM : h[1] & 8 ? LOAD_AUTO : LOAD_FLAT;
	r->boot = (enum load_boot)(h[2] & 7);
	r->base = base + (uint64_t)(int8_t)h[8];
	len += (uint64_t)(int8_t)h[9];
	if (len > IMAGE) /* also what is below 0 */
		len = rom ? IMAGE : FLAT_MAX;
	if (!rom && len > FLAT_MAX)
		len = FLAT_MAX;
	if (rom && len > ROM_OFTEN && !fuzz_dear(h, HEAD))
		len = ROM_OFTEN;
	r->image = (struct load_blob){w.image, (size_t)len, NULL};
	if (h[1] & 0x10)
		r->cmdline = "x";
	if (h[1] & 0x20)
		r->initrd = (struct load_blob){w.image, 16, NULL};
	if (h[1] & 0x40)
		r->mods[r->nr_mods++] = (struct load_blob){w.image, 16, NULL};
	r->rsdp = h[1] & 0x80 ? LOAD_TABLES : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ask a;
	enum load_kind kind;
	bool rom;
	int rc;

	if (size != HEAD) {
		none();
		fuzz_case(0, false);
		return 0;
	}
	if (!w.ready)
		setup();
	parse(data, &a);
	rom = a.req.kind == LOAD_ROM;
	w.err.code = 0;
	w.err.msg[0] = 0;
	memset(&w.res, 0xa5, sizeof(w.res)); /* what it does not set is seen */
	memcpy(&w.cpu, &w.blank, sizeof(w.cpu));
	rc = load_image(a.mem, &a.req, &w.res, &w.cpu, &w.err);

	kind = rom ? LOAD_ROM : LOAD_FLAT;
	FUZZ_ORACLE(w.res.kind == kind || !a.req.image.len, "kind", "%d", (int)w.res.kind);
	FUZZ_ORACLE((rc == 0) == (rom ? rom_accepts(&a) : flat_accepts(&a)), "accept", "%s %s",
		    rc ? "refused:" : "accepted", w.err.msg);
	if (rc) {
		check_refusal(&a, rc);
	} else if (rom) {
		check_rom(&a);
		FUZZ_ORACLE(!gmem_dirty_count(a.mem), "stray-write", "beside the ROM");
	} else {
		check_flat(&a);
		gmem_dirty_each(a.mem, dirty_page, &a);
		FUZZ_ORACLE(!gmem_restore(a.mem, a.snap), "setup", "restore");
	}
	fuzz_case(1 + (rc ? 0 : w.res.nr_ranges), !rc);
	return 0;
}
