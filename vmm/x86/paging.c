/* SPDX-License-Identifier: MIT */
/*
 * x86: the page-table walk for debuggers and disassembly (SDM volume 3, chapter 4). It does not set
 * accessed bits. Entries are guest bytes: each is read once, and a walk has at most four steps.
 */
#include <errno.h>

#include <vmm/x86.h>

#define CR4_PSE (1ull << 4)

#define PTE_P  (1ull << 0)
#define PTE_PS (1ull << 7)
#define PTE_NX (1ull << 63)

/* An address field: bits 51 to 12. */
#define PTE_ADDR 0x000ffffffffff000ull
/* PAE has no use for bits 62 to 52, 4.4.2; 4-level paging ignores them. */
#define PAE_RESERVED 0x7ff0000000000000ull

static int read_entry(struct gmem *mem, uint64_t gpa, unsigned size, uint64_t *e)
{
	uint8_t b[8];

	if (gmem_read(mem, gpa, b, size))
		return -EFAULT;
	*e = ld_le(b, size);
	return *e & PTE_P ? 0 : -EFAULT;
}

/* 4.3. With CR4.PSE, 4 MiB pages; their bits 13 to 20 are bits 32 to 39 of the address. */
static int walk_32bit(struct gmem *mem, const struct cpu_state *s, uint32_t va, uint64_t *gpa)
{
	uint64_t e;

	if (read_entry(mem, (s->cr3 & 0xfffff000) + (uint64_t)(va >> 22) * 4, 4, &e))
		return -EFAULT;
	if ((e & PTE_PS) && (s->cr4 & CR4_PSE)) {
		if (e & (1u << 21))
			return -EFAULT;
		*gpa = (e & 0xffc00000) | (e >> 13 & 0xff) << 32 | (va & 0x3fffff);
		return 0;
	}
	if (read_entry(mem, (e & 0xfffff000) + (uint64_t)(va >> 12 & 0x3ff) * 4, 4, &e))
		return -EFAULT;
	*gpa = (e & 0xfffff000) | (va & 0xfff);
	return 0;
}

/*
 * PAE (from level 3) and 4-level paging: the tables are the same from the page directory down.
 * (table) is the address of the table of (level).
 */
static int walk_64bit_entries(struct gmem *mem, const struct cpu_state *s, uint64_t table,
			      int level, uint64_t reserved, uint64_t va, uint64_t *gpa)
{
	if (!(s->efer & X86_EFER_NXE))
		reserved |= PTE_NX;
	for (; level >= 1; level--) {
		unsigned shift = 12 + 9 * ((unsigned)level - 1);
		uint64_t e, offset = (1ull << shift) - 1;

		if (read_entry(mem, table + (va >> shift & 0x1ff) * 8, 8, &e) || (e & reserved))
			return -EFAULT;
		if (level > 1 && (e & PTE_PS)) {
			/* Bit 12 is PAT; what lies between it and the page's address is reserved.
			 */
			if (level > 3 || (e & offset & PTE_ADDR & ~(1ull << 12)))
				return -EFAULT;
			*gpa = (e & PTE_ADDR & ~offset) | (va & offset);
			return 0;
		}
		table = e & PTE_ADDR;
	}
	*gpa = table | (va & 0xfff);
	return 0;
}

static int walk_pae(struct gmem *mem, const struct cpu_state *s, uint32_t va, uint64_t *gpa)
{
	uint64_t e;

	/* 4.4.1: a PDPTE has bits 1, 2, 5 to 8 and 63 to 52 reserved. */
	if (read_entry(mem, (s->cr3 & 0xffffffe0) + (uint64_t)(va >> 30) * 8, 8, &e) ||
	    (e & (PAE_RESERVED | PTE_NX | 0x1e6)))
		return -EFAULT;
	return walk_64bit_entries(mem, s, e & PTE_ADDR, 2, PAE_RESERVED, va, gpa);
}

int x86_translate(struct gmem *mem, const struct cpu_state *s, uint64_t va, uint64_t *gpa)
{
	if (!(s->efer & X86_EFER_LMA))
		va &= 0xffffffff;
	if (!(s->cr0 & X86_CR0_PG)) {
		*gpa = va;
		return 0;
	}
	if (s->efer & X86_EFER_LMA) {
		uint64_t top = va >> 47;

		if (top && top != 0x1ffff) /* not canonical, 3.3.7.1 */
			return -EFAULT;
		return walk_64bit_entries(mem, s, s->cr3 & PTE_ADDR, 4, 0, va, gpa);
	}
	return s->cr4 & X86_CR4_PAE ? walk_pae(mem, s, (uint32_t)va, gpa)
				    : walk_32bit(mem, s, (uint32_t)va, gpa);
}
