/* SPDX-License-Identifier: MIT */
/* load: the plan: claims, where they may lie, and the one place that writes to guest memory. */
#include "load_priv.h"

bool load_in_ram(struct gmem *mem, uint64_t gpa, uint64_t len)
{
	struct gmem_region r;
	uint64_t at = gpa, end;

	if (add_wraps(gpa, len, &end))
		return false;
	for (unsigned i = 0; gmem_region(mem, i, &r); i++) {
		if (r.kind != GMEM_RAM || r.gpa + r.len <= at)
			continue;
		if (r.gpa > at)
			return false;
		at = r.gpa + r.len;
		if (at >= end)
			return true;
	}
	return false;
}

static const struct load_range *find_claim(const struct load_plan *p, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < p->res->nr_ranges; i++) {
		const struct load_range *r = &p->res->range[i];

		if (range_overlaps(gpa, len, r->gpa, r->len))
			return r;
	}
	return NULL;
}

static int add_item(struct load_plan *p, const char *what, const struct load_item *it)
{
	if (p->nr == LOAD_ITEMS)
		return err_set(p->err, -ENOEXEC, "%s: more than %d pieces: use fewer segments",
			       what, LOAD_ITEMS);
	p->item[p->nr++] = *it;
	return 0;
}

int load_put_piece(struct load_plan *p, const char *what, const struct load_item *it)
{
	return add_item(p, what, it);
}

static int add_range(struct load_plan *p, const char *what, uint64_t gpa, uint64_t len)
{
	struct load_result *res = p->res;

	if (res->nr_ranges == LOAD_RANGES)
		return err_set(p->err, -ENOEXEC, "%s: more than %d ranges: use fewer segments",
			       what, LOAD_RANGES);
	res->range[res->nr_ranges++] = (struct load_range){gpa, len};
	return 0;
}

int load_declare(struct load_plan *p, const char *what, uint64_t gpa, uint64_t len)
{
	return add_range(p, what, gpa, len);
}

int load_put(struct load_plan *p, const char *what, uint64_t gpa, const void *data, uint64_t len)
{
	struct load_item it = {gpa, len, data, len, LOAD_KEEP};
	int rc = add_item(p, what, &it);

	return rc ? rc : add_range(p, what, gpa, len);
}

int load_claim(struct load_plan *p, const char *what, uint64_t gpa, uint64_t len, const void *data,
	       uint64_t filled, int fill)
{
	struct load_item it = {gpa, len, data, filled, fill};
	const struct load_range *r;
	uint64_t end;
	int rc;

	if (add_wraps(gpa, len, &end))
		return err_set(p->err, -ENOEXEC,
			       "%s: 0x%llx bytes at 0x%llx wrap round the end of the address "
			       "space: fix its address or size",
			       what, (unsigned long long)len, (unsigned long long)gpa);
	if (gpa < LOAD_LOW_RESERVED)
		return err_set(p->err, -ENOEXEC,
			       "%s at 0x%llx touches the reserved first 0x%x bytes: link it higher",
			       what, (unsigned long long)gpa, LOAD_LOW_RESERVED);
	if (range_overlaps(gpa, len, LOAD_INFO, LOAD_INFO_END - LOAD_INFO))
		return err_set(p->err, -ENOEXEC,
			       "%s, 0x%llx to 0x%llx, lies over the info area 0x%x to 0x%x: link "
			       "it elsewhere",
			       what, (unsigned long long)gpa, (unsigned long long)end, LOAD_INFO,
			       LOAD_INFO_END);
	if (p->req->rsdp && range_overlaps(gpa, len, LOAD_TABLES, LOAD_1M - LOAD_TABLES))
		return err_set(p->err, -ENOEXEC,
			       "%s, 0x%llx to 0x%llx, lies over the firmware's tables 0x%x to "
			       "0x%llx: link it elsewhere",
			       what, (unsigned long long)gpa, (unsigned long long)end, LOAD_TABLES,
			       LOAD_1M);
	if (!load_in_ram(p->mem, gpa, len))
		return err_set(p->err, -E2BIG,
			       "%s, 0x%llx to 0x%llx, is not all in RAM (which from 0 ends at "
			       "0x%llx): give more memory",
			       what, (unsigned long long)gpa, (unsigned long long)end,
			       (unsigned long long)gmem_low_end(p->mem, UINT64_MAX));
	r = find_claim(p, gpa, len);
	if (r)
		return err_set(p->err, -ENOEXEC,
			       "%s, 0x%llx to 0x%llx, overlaps 0x%llx to 0x%llx, placed before: "
			       "relink them apart",
			       what, (unsigned long long)gpa, (unsigned long long)end,
			       (unsigned long long)r->gpa, (unsigned long long)(r->gpa + r->len));
	rc = add_item(p, what, &it);
	return rc ? rc : add_range(p, what, gpa, len);
}

int load_claim_image(struct load_plan *p, const char *what, uint64_t gpa, uint64_t len,
		     const void *data, uint64_t filled, int fill)
{
	struct load_range *h = &p->res->image;
	uint64_t start = gpa, end = gpa + len;
	int rc = load_claim(p, what, gpa, len, data, filled, fill);

	if (rc)
		return rc;
	p->nr_image = p->nr;
	if (h->len) {
		start = h->gpa < start ? h->gpa : start;
		end = h->gpa + h->len > end ? h->gpa + h->len : end;
	}
	*h = (struct load_range){start, end - start};
	return 0;
}

bool load_in_image(const struct load_plan *p, uint64_t addr)
{
	for (unsigned i = 0; i < p->nr_image; i++) {
		if (range_within(addr, 1, p->item[i].gpa, p->item[i].len))
			return true;
	}
	return false;
}

/* The highest free place in one region, or false. Each step goes below one claim more. */
static bool find_high(const struct load_plan *p, const struct gmem_region *r, uint64_t len,
		      uint64_t limit, uint64_t *gpa)
{
	uint64_t low = r->gpa > LOAD_1M ? r->gpa : LOAD_1M;
	uint64_t end = r->gpa + r->len < limit ? r->gpa + r->len : limit;

	for (unsigned i = 0; i <= p->res->nr_ranges; i++) {
		const struct load_range *c;
		uint64_t at;

		if (end < low || end - low < len)
			return false;
		at = align_down(end - len, LOAD_PAGE);
		if (at < low)
			return false;
		c = find_claim(p, at, len);
		if (!c) {
			*gpa = at;
			return true;
		}
		end = c->gpa;
	}
	return false;
}

int load_claim_high(struct load_plan *p, const char *what, const struct load_blob *blob,
		    uint64_t limit, uint64_t *gpa)
{
	struct gmem_region r;
	unsigned n = 0;

	while (gmem_region(p->mem, n, &r))
		n++;
	while (n--) {
		if (!gmem_region(p->mem, n, &r) || r.kind != GMEM_RAM)
			continue;
		/* an empty one needs an address alone, but a real one */
		if (!find_high(p, &r, blob->len ? blob->len : 1, limit, gpa))
			continue;
		if (!blob->len)
			return 0;
		return load_claim(p, what, *gpa, blob->len, blob->data, blob->len, LOAD_KEEP);
	}
	return err_set(p->err, -E2BIG,
		       "%s: no free place for its 0x%llx bytes in RAM from 1 MiB to 0x%llx: give "
		       "more memory",
		       what, (unsigned long long)blob->len, (unsigned long long)limit);
}

int load_string(struct load_plan *p, const char *what, const char *s, uint8_t end, uint64_t *gpa)
{
	uint64_t room = INFO_STRINGS_END - p->strings;
	uint64_t len = strnlen(s, room);
	struct load_item it = {p->strings, len + 1, s, len, end};

	if (len >= room)
		return err_set(p->err, -ENAMETOOLONG,
			       "%s: command line and module strings take more than %u bytes: "
			       "shorten them",
			       what, INFO_STRINGS_END - INFO_STRINGS);
	*gpa = p->strings;
	p->strings += len + 1;
	return add_item(p, what, &it);
}

int load_claim_info(struct load_plan *p, uint64_t used)
{
	struct load_item it = {INFO_PAGE, used, p->page, used, LOAD_KEEP};
	int rc;

	if (!load_in_ram(p->mem, LOAD_INFO, LOAD_INFO_END - LOAD_INFO))
		return err_set(p->err, -E2BIG,
			       "RAM ends at 0x%llx, before the info area's end 0x%x: give 1 MiB "
			       "or more",
			       (unsigned long long)gmem_low_end(p->mem, UINT64_MAX), LOAD_INFO_END);
	p->res->info = INFO_PAGE;
	rc = add_item(p, "info", &it);
	if (!rc)
		rc = add_range(p, "info", INFO_PAGE, used);
	if (!rc && p->strings > INFO_STRINGS)
		rc = add_range(p, "strings", INFO_STRINGS, p->strings - INFO_STRINGS);
	return rc;
}

/* How much of memory long mode maps: the usual 4 GiB, or as many whole GiB as are placed in. */
static int map_size(const struct load_plan *p, uint64_t *map)
{
	uint64_t top = X86_BOOT_MAP;

	for (unsigned i = 0; i < p->res->nr_ranges; i++) {
		const struct load_range *r = &p->res->range[i];

		if (r->gpa + r->len > top)
			top = r->gpa + r->len;
	}
	if (top > LOAD_64G)
		return err_set(p->err, -E2BIG,
			       "the image reaches to 0x%llx: the boot page tables map 64 GiB at "
			       "most: link it lower",
			       (unsigned long long)top);
	*map = align_up(top, 1ull << 30);
	return 0;
}

/* x86_boot() writes below (end); nothing may be placed there, and it must be RAM. */
static int check_boot_area(const struct load_plan *p, uint64_t end)
{
	for (unsigned i = 0; i < p->res->nr_ranges; i++) {
		uint64_t gpa = p->res->range[i].gpa;

		if (gpa < end && !(p->state == STATE_SETUP && !gpa))
			return err_set(p->err, -ENOEXEC,
				       "image at 0x%llx lies over the boot GDT, TSS and page "
				       "tables, which end at 0x%llx: link it higher",
				       (unsigned long long)gpa, (unsigned long long)end);
	}
	if (!load_in_ram(p->mem, 0, end))
		return err_set(p->err, -E2BIG,
			       "RAM from 0 ends at 0x%llx, the boot structures at 0x%llx: give "
			       "more memory",
			       (unsigned long long)gmem_low_end(p->mem, UINT64_MAX),
			       (unsigned long long)end);
	return 0;
}

static int write_items(struct load_plan *p)
{
	for (unsigned i = 0; i < p->nr; i++) {
		const struct load_item *it = &p->item[i];
		uint64_t rest = it->len - it->filled;
		int rc = 0;

		if (it->filled)
			rc = gmem_place(p->mem, it->gpa, it->data, it->filled);
		if (!rc && rest && it->fill != LOAD_KEEP)
			rc = gmem_set(p->mem, it->gpa + it->filled, (uint8_t)it->fill, rest);
		if (rc)
			return err_set(p->err, rc,
				       "guest memory at 0x%llx, 0x%llx bytes, cannot be written: "
				       "its regions changed during the call",
				       (unsigned long long)it->gpa, (unsigned long long)it->len);
	}
	return 0;
}

/* The setup code's segments: boot.rst, "Running the Kernel". */
static void setup_state(struct cpu_state *s)
{
	static const enum x86_sreg data[] = {X86_ES, X86_SS, X86_DS, X86_FS, X86_GS};

	for (unsigned i = 0; i < ARRAY_SIZE(data); i++) {
		s->seg[data[i]].sel = REAL_SETUP >> 4;
		s->seg[data[i]].base = REAL_SETUP;
	}
	s->seg[X86_CS].sel = (REAL_SETUP + HDR_JUMP) >> 4;
	s->seg[X86_CS].base = REAL_SETUP + HDR_JUMP;
	s->rip = 0;
	s->gpr[X86_RSP] = REAL_STACK;
}

/* What the format's entry has beside the mode. */
static void enter(struct load_plan *p, struct cpu_state *s)
{
	switch (p->state) {
	case STATE_PLAIN:
		break;
	case STATE_MULTIBOOT:
		s->gpr[X86_RAX] = p->mb_magic;
		s->gpr[X86_RBX] = p->res->info;
		break;
	case STATE_PVH:
		s->gpr[X86_RBX] = p->res->info;
		s->cr0 = X86_CR0_PE | X86_CR0_ET;
		s->seg[X86_TR].base = 0;
		break;
	case STATE_LINUX:
		load_linux_state(p, s);
		break;
	case STATE_SETUP:
		setup_state(s);
		break;
	}
}

int load_commit(struct load_plan *p, struct cpu_state *cpu)
{
	struct load_result *res = p->res;
	struct cpu_state s;
	uint64_t map = 0, end = X86_BOOT_TSS + 104;
	int rc;

	if (res->mode == X86_LONG) {
		rc = map_size(p, &map);
		if (rc)
			return rc;
		end = X86_BOOT_PT + (2 + (map >> 30)) * LOAD_PAGE;
	}
	rc = check_boot_area(p, end);
	if (rc)
		return rc;

	res->touched = true;
	rc = x86_boot(&s, p->mem, res->mode, res->entry, p->stack, map, p->err);
	if (!rc)
		rc = write_items(p);
	if (rc)
		return rc;
	enter(p, &s);
	*cpu = s;
	return 0;
}
