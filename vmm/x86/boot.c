/* SPDX-License-Identifier: MIT */
/* x86: descriptor tables, page tables and registers of a CPU that is to run at a given address. */
#include <errno.h>

#include <vmm/x86.h>

#define TSS_SIZE   104u /* of a 64-bit TSS, 7.7; the 32-bit one has as many */
#define GIB	   (1ull << 30)
#define LARGE	   (2ull << 20)
#define MAP_MAX	   (64 * GIB)
#define REAL_TOP   0x100000u
#define REAL_STACK 0x10000u

/* Page-table entries, 4.5 */
#define PTE_P  (1ull << 0)
#define PTE_RW (1ull << 1)
#define PTE_US (1ull << 2)
#define PTE_PS (1ull << 7)

#define PT_PML4	   X86_BOOT_PT
#define PT_PDPT	   (X86_BOOT_PT + GMEM_PAGE)
#define PT_PD(gib) (X86_BOOT_PT + (2 + (gib)) * GMEM_PAGE)

/* A segment descriptor, 3.4.5; a limit in bytes becomes pages where attr has G. */
static uint64_t descriptor(const struct x86_seg *seg)
{
	uint64_t limit = seg->attr & 0x8000 ? seg->limit >> 12 : seg->limit;

	return (limit & 0xffff) | (seg->base & 0xffffff) << 16 |
	       (uint64_t)(seg->attr & 0xff) << 40 | (limit >> 16 & 0xf) << 48 |
	       (uint64_t)(seg->attr >> 12) << 52 | (seg->base >> 24 & 0xff) << 56;
}

static struct x86_seg segment(uint16_t sel, uint16_t attr)
{
	struct x86_seg s = {.sel = sel, .attr = attr};

	s.limit = attr & 0x8000 ? 0xffffffffu : 0xffff;
	return s;
}

static struct x86_seg task_segment(void)
{
	struct x86_seg s = {.sel = X86_SEL_TSS, .attr = X86_SEG_TSS};

	s.base = X86_BOOT_TSS;
	s.limit = TSS_SIZE - 1;
	return s;
}

static int write_gdt(struct gmem *mem, struct err *err)
{
	static const struct {
		uint16_t sel, attr;
	} rows[] = {
		{X86_SEL_CODE32, X86_SEG_CODE32}, {X86_SEL_DATA, X86_SEG_DATA},
		{X86_SEL_CODE64, X86_SEG_CODE64}, {X86_SEL_CODE16, X86_SEG_CODE16},
		{X86_SEL_DATA16, X86_SEG_DATA16},
	};
	struct x86_seg tss = task_segment();
	uint8_t gdt[X86_SEL_TSS + 16] = {0}, zero[TSS_SIZE] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct x86_seg s = segment(rows[i].sel, rows[i].attr);

		st_le64(gdt + s.sel, descriptor(&s));
	}
	/* The second half, bits 32 to 63 of the base, is zero. */
	st_le64(gdt + X86_SEL_TSS, descriptor(&tss));
	if (gmem_write(mem, X86_BOOT_GDT, gdt, sizeof(gdt)) ||
	    gmem_write(mem, X86_BOOT_TSS, zero, sizeof(zero)))
		return err_set(err, -EFAULT,
			       "no RAM at 0x%x for the boot descriptor tables: give the machine "
			       "memory from address 0 on",
			       X86_BOOT_GDT);
	return 0;
}

/* (n) entries of 2 MiB pages from (gpa) on, eight at a time: four GiB are mapped for each kernel. */
static void fill_pd(uint8_t page[GMEM_PAGE], uint64_t gpa, unsigned n)
{
	typedef uint64_t eight __attribute__((vector_size(64)));
	eight row = {0, LARGE, 2 * LARGE, 3 * LARGE, 4 * LARGE, 5 * LARGE, 6 * LARGE, 7 * LARGE};

	row += (uint64_t)(gpa | PTE_P | PTE_RW | PTE_PS);
	for (unsigned i = 0; i < 512; i += 8, row += (uint64_t)(8 * LARGE))
		memcpy(page + 8 * (size_t)i, &row, sizeof(row)); /* hosts are little-endian */
	memset(page + 8 * (size_t)n, 0, GMEM_PAGE - 8 * (size_t)n);
}

/* PML4 and PDPT of one entry a GiB, then PDs of 2 MiB pages up to (map). */
static int write_page_tables(struct gmem *mem, uint64_t map, struct err *err)
{
	uint64_t gibs = (map + GIB - 1) / GIB;
	uint8_t page[GMEM_PAGE];
	int r;

	memset(page, 0, sizeof(page));
	st_le64(page, PT_PDPT | PTE_P | PTE_RW);
	r = gmem_write(mem, PT_PML4, page, sizeof(page));
	memset(page, 0, sizeof(page));
	for (uint64_t g = 0; g < gibs; g++)
		st_le64(page + 8 * g, PT_PD(g) | PTE_P | PTE_RW);
	r = r ? r : gmem_write(mem, PT_PDPT, page, sizeof(page));
	for (uint64_t g = 0; g < gibs && !r; g++) {
		uint64_t n = (map - g * GIB + LARGE - 1) / LARGE;

		fill_pd(page, g * GIB, n < 512 ? (unsigned)n : 512);
		r = gmem_write(mem, PT_PD(g), page, sizeof(page));
	}
	if (r)
		return err_set(err, -EFAULT,
			       "no RAM for the boot page tables, 0x%x to 0x%llx: give the machine "
			       "more memory",
			       X86_BOOT_PT, (unsigned long long)PT_PD(gibs));
	return 0;
}

static void flat_segments(struct cpu_state *s, struct x86_seg code)
{
	static const uint8_t data[] = {X86_ES, X86_SS, X86_DS, X86_FS, X86_GS};

	for (size_t i = 0; i < ARRAY_SIZE(data); i++)
		s->seg[data[i]] = segment(X86_SEL_DATA, X86_SEG_DATA);
	s->seg[X86_CS] = code;
	s->seg[X86_TR] = task_segment();
	s->seg[X86_LDTR] = (struct x86_seg){.attr = X86_SEG_LDT & ~X86_SEG_P, .unusable = true};
	s->idt.limit = 0;
}

static int check_request(enum x86_mode mode, uint64_t entry, uint64_t stack, uint64_t map,
			 struct err *err)
{
	switch (mode) {
	case X86_REAL:
		if (entry >= REAL_TOP)
			return err_set(err, -EINVAL,
				       "entry 0x%llx: real mode starts below 1 MiB (0x100000)",
				       (unsigned long long)entry);
		if (stack > REAL_STACK)
			return err_set(err, -EINVAL,
				       "stack 0x%llx: real mode's stack is below 64 KiB (0x10000)",
				       (unsigned long long)stack);
		return 0;
	case X86_PROT:
		if (entry >> 32 || stack >> 32)
			return err_set(err, -EINVAL,
				       "entry 0x%llx, stack 0x%llx: protected mode reaches 4 GiB",
				       (unsigned long long)entry, (unsigned long long)stack);
		return 0;
	case X86_LONG:
		if (map > MAP_MAX)
			return err_set(err, -EINVAL, "map 0x%llx: at most 64 GiB are mapped",
				       (unsigned long long)map);
		if (entry >= map)
			return err_set(err, -EINVAL,
				       "entry 0x%llx is beyond the 0x%llx bytes that are mapped",
				       (unsigned long long)entry, (unsigned long long)map);
		return 0;
	}
	return err_set(err, -EINVAL, "mode %d is none of real, prot, long", (int)mode);
}

int x86_boot(struct cpu_state *s, struct gmem *mem, enum x86_mode mode, uint64_t entry,
	     uint64_t stack, uint64_t map, struct err *err)
{
	struct cpu_state n;
	int r;

	if (!map)
		map = X86_BOOT_MAP;
	r = check_request(mode, entry, stack, map, err);
	if (r)
		return r;
	map = align_up(map, LARGE);
	r = write_gdt(mem, err);
	if (!r && mode == X86_LONG)
		r = write_page_tables(mem, map, err);
	if (r)
		return r;

	x86_state_reset(&n);
	n.gpr[X86_RDX] = 0;
	n.gpr[X86_RSP] = stack;
	n.rip = entry;
	n.gdt.base = X86_BOOT_GDT;
	n.gdt.limit = X86_SEL_TSS + 16 - 1;
	/* As FNINIT leaves it: nobody wants to start with the power-on control word. */
	st_le16(n.fpu, 0x37f);
	n.fpu[4] = 0;
	switch (mode) {
	case X86_REAL:
		n.cr0 = X86_CR0_ET;
		n.idt.limit = 0x3ff;
		n.seg[X86_CS].sel = (uint16_t)(entry >> 4 & 0xf000);
		n.seg[X86_CS].base = (uint64_t)n.seg[X86_CS].sel << 4;
		n.rip = entry & 0xffff;
		break;
	case X86_PROT:
		n.cr0 = X86_CR0_PE | X86_CR0_ET | X86_CR0_NE;
		flat_segments(&n, segment(X86_SEL_CODE32, X86_SEG_CODE32));
		break;
	case X86_LONG:
		n.cr0 = X86_CR0_PE | X86_CR0_ET | X86_CR0_NE | X86_CR0_PG;
		n.cr3 = PT_PML4;
		n.cr4 = X86_CR4_PAE;
		n.efer = X86_EFER_LME | X86_EFER_LMA;
		flat_segments(&n, segment(X86_SEL_CODE64, X86_SEG_CODE64));
		break;
	}
	*s = n;
	return 0;
}
