/* SPDX-License-Identifier: MIT */
/*
 * exits: hostile contents of struct kvm_run through the exit decoder, the formatter and a handler as
 * vm has it; hostile scripts, binary and text, through the script back end.
 *
 * @modules cpu
 *
 * Input: byte 0 is the mode.
 *   0 to 13 (mod 16): byte 1 is the mapping: 3 pages (mod 8 below 5), 1 page, the struct alone, or part of
 *       it (byte 1 * 9 bytes). What follows goes to offset 8 of the mapping (exit_reason) up to 288,
 *       the rest to its second page. Odd modes have the synced registers valid, rip with
 *       them.
 *       Text is made of those whose bits 4 to 6 are 0, and of all on inputs for dear checks.
 *   14: the rest is a binary script.
 *   15: the rest is a text script.
 *
 * Oracles: the kind and each field are those that a second decoder, on bare offsets, comes to; port
 * data lie in the mapping, behind the struct; the mapping is not changed; twice the same; a reason
 * that is in no list has no name; text ends inside its buffer. Scripts: every exit keeps what
 * struct cpu_exit promises; what a text script played, written down as text, plays again and ends
 * without a complaint.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "depth.h"
#include "oracle.h"
#include "stats.h"

/* The second decoder and the handlers are no subjects. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("coverage", "address", "undefined"))),     \
			     apply_to = function)
#endif
#include <linux/kvm.h>
#include <vmm/cpu.h>
#include <vmm/kvm.h>

/* The first ones in the order of enum cpu_exit_kind. */
DEPTH_COUNTERS(pio, mmio, msr, hlt, shutdown, debug, intr, irq_window, emulation, internal,
	       fail_entry, system_event, hypercall, set_tpr, tpr_access, ioapic_eoi, notify,
	       bus_lock, memory_fault, dirty_full, unknown, bad, pio_in, pio_out, pio_string,
	       emulation_bytes, unknown_unnamed, small_mapping, raw_exits, text_refused,
	       text_played, text_wrong_answer, text_again);
_Static_assert(DEPTH_bad - DEPTH_pio == CPU_EXIT_BAD, "counters are in the order of the kinds");

#define PAGE	  ((size_t)4096)
#define MAP_BYTES (3 * PAGE)
#define HEAD	  8u		 /* exit_reason */
#define HEAD_END  288u		 /* kvm_valid_regs */
#define EXITS_MAX ((size_t)2048) /* of one script */
#define TEXTS_MAX 8u /* exits of a script that are formatted: the rest only costs time */
#define TEXTS_FEW 1u /* where checks are not dear */

/* ---- a second decoder, on offsets of the kernel's ABI ------------------------------------------ */

#define AT_REASON 8
#define AT_CR8	  16
#define AT_UNION  32
#define AT_VALID  288
#define AT_REGS	  304
#define AT_RIP	  (AT_REGS + 16 * 8)
#define RUN_BYTES 2352
_Static_assert(sizeof(struct kvm_run) == RUN_BYTES, "the ABI's size");
#define LAST_NAMED 41 /* of the reasons: all up to here have names */

static void same(uint64_t got, uint64_t want, const char *what)
{
	FUZZ_ORACLE(got == want, "decode", "%s is 0x%llx, the bytes say 0x%llx", what,
		    (unsigned long long)got, (unsigned long long)want);
}

static void is_kind(const struct cpu_exit *e, enum cpu_exit_kind kind)
{
	FUZZ_ORACLE(e->kind == kind, "kind", "reason %u gives %s, the bytes say %s", e->raw,
		    cpu_exit_name(e->kind), cpu_exit_name(kind));
	if (kind == CPU_EXIT_BAD)
		FUZZ_ORACLE(e->text[0], "bad-text", "reason %u: BAD without a text", e->raw);
}

static void check_pio(const uint8_t *map, size_t size, const struct cpu_exit *e)
{
	const uint8_t *u = map + AT_UNION;
	uint64_t count = ld_le32(u + 4), at = ld_le64(u + 8), width = u[1];
	bool ok = u[0] < 2 && (width == 1 || width == 2 || width == 4) && count &&
		  at >= RUN_BYTES && at < size && count * width <= size - at;

	is_kind(e, ok ? CPU_EXIT_PIO : CPU_EXIT_BAD);
	if (!ok)
		return;
	same(e->pio.write, u[0], "pio.write");
	same(e->pio.size, width, "pio.size");
	same(e->pio.port, ld_le16(u + 2), "pio.port");
	same(e->pio.count, count, "pio.count");
	same((uint64_t)(e->pio.data - map), at, "pio.data");
}

static void check_mmio(const uint8_t *map, const struct cpu_exit *e)
{
	const uint8_t *u = map + AT_UNION;
	uint32_t len = ld_le32(u + 16);

	is_kind(e, len >= 1 && len <= 8 ? CPU_EXIT_MMIO : CPU_EXIT_BAD);
	if (e->kind == CPU_EXIT_BAD)
		return;
	same(e->mmio.gpa, ld_le64(u), "mmio.gpa");
	same(e->mmio.size, len, "mmio.size");
	same(e->mmio.write, u[20] != 0, "mmio.write");
	same(ld_le64(e->mmio.data), ld_le64(u + 8), "mmio.data");
}

static void check_internal(const uint8_t *map, const struct cpu_exit *e)
{
	const uint8_t *u = map + AT_UNION;
	uint32_t sub = ld_le32(u), n = ld_le32(u + 4);
	bool bytes = sub == 1 && n >= 3 && n <= 16 && (u[8] & 1);

	if (n > 16 || (bytes && u[16] > 15)) {
		is_kind(e, CPU_EXIT_BAD);
		return;
	}
	is_kind(e, sub == 1 ? CPU_EXIT_EMULATION : CPU_EXIT_INTERNAL);
	same(e->internal.suberror, sub, "internal.suberror");
	same(e->internal.ndata, n, "internal.ndata");
	for (uint32_t i = 0; i < 16; i++)
		same(e->internal.data[i], i < n ? ld_le64(u + 8 + 8 * (size_t)i) : 0,
		     "internal.data");
	same(e->internal.insn_len, bytes ? u[16] : 0, "internal.insn_len");
	for (unsigned i = 0; i < e->internal.insn_len; i++)
		same(e->internal.insn[i], u[17 + i], "internal.insn");
	if (e->internal.insn_len)
		depth_hit(emulation_bytes);
}

static void check_system(const uint8_t *map, const struct cpu_exit *e)
{
	const uint8_t *u = map + AT_UNION;
	uint32_t n = ld_le32(u + 4);

	is_kind(e, n > 16 ? CPU_EXIT_BAD : CPU_EXIT_SYSTEM_EVENT);
	if (n > 16)
		return;
	same(e->system_event.type, ld_le32(u), "system_event.type");
	same(e->system_event.ndata, n, "system_event.ndata");
	for (uint32_t i = 0; i < 16; i++)
		same(e->system_event.data[i], i < n ? ld_le64(u + 8 + 8 * (size_t)i) : 0,
		     "system_event.data");
}

static void check_unknown(const uint8_t *map, const struct cpu_exit *e)
{
	is_kind(e, CPU_EXIT_UNKNOWN);
	FUZZ_ORACLE(!memcmp(e->unknown.bytes, map + AT_UNION, 32), "unknown-bytes",
		    "reason %u: not the mapping's bytes", e->raw);
	FUZZ_ORACLE((e->raw <= LAST_NAMED) == (e->text[0] != 0), "unknown-name",
		    "reason %u is called \"%s\"", e->raw, e->text);
	if (e->raw > LAST_NAMED)
		depth_hit(unknown_unnamed);
}

/* The reasons with a plain struct behind them. */
static bool check_plain(const uint8_t *map, const struct cpu_exit *e)
{
	const uint8_t *u = map + AT_UNION;

	switch (e->raw) {
	case 3:
		is_kind(e, CPU_EXIT_HYPERCALL);
		same(e->hypercall.nr, ld_le64(u), "hypercall.nr");
		same(e->hypercall.args[5], ld_le64(u + 48), "hypercall.args");
		same(e->hypercall.flags, ld_le64(u + 64), "hypercall.flags");
		return true;
	case 4:
		is_kind(e, CPU_EXIT_DEBUG);
		same(e->debug.exception, ld_le32(u), "debug.exception");
		same(e->debug.pc, ld_le64(u + 8), "debug.pc");
		same(e->debug.dr6, ld_le64(u + 16), "debug.dr6");
		same(e->debug.dr7, ld_le64(u + 24), "debug.dr7");
		return true;
	case 9:
		is_kind(e, CPU_EXIT_FAIL_ENTRY);
		same(e->fail_entry.reason, ld_le64(u), "fail_entry.reason");
		same(e->fail_entry.cpu, ld_le32(u + 8), "fail_entry.cpu");
		return true;
	case 11:
		is_kind(e, CPU_EXIT_SET_TPR);
		same(e->tpr.cr8, map[AT_CR8] & 15, "tpr.cr8");
		return true;
	case 12:
		is_kind(e, CPU_EXIT_TPR_ACCESS);
		same(e->tpr_access.rip, ld_le64(u), "tpr_access.rip");
		same(e->tpr_access.write, ld_le32(u + 8) != 0, "tpr_access.write");
		return true;
	case 26:
		is_kind(e, CPU_EXIT_IOAPIC_EOI);
		same(e->eoi.vector, u[0], "eoi.vector");
		return true;
	case 29:
	case 30:
		is_kind(e, CPU_EXIT_MSR);
		same(e->msr.write, e->raw == 30, "msr.write");
		same(e->msr.num, ld_le32(u + 12), "msr.num");
		same(e->msr.why, u[8], "msr.why");
		same(e->msr.val, e->raw == 30 ? ld_le64(u + 16) : 0, "msr.val");
		same(e->msr.fault, 0, "msr.fault");
		return true;
	case 37:
		is_kind(e, CPU_EXIT_NOTIFY);
		same(e->notify.flags, ld_le32(u), "notify.flags");
		return true;
	case 39:
		is_kind(e, CPU_EXIT_MEMORY_FAULT);
		same(e->memory_fault.flags, ld_le64(u), "memory_fault.flags");
		same(e->memory_fault.gpa, ld_le64(u + 8), "memory_fault.gpa");
		same(e->memory_fault.size, ld_le64(u + 16), "memory_fault.size");
		return true;
	default:
		return false;
	}
}

static void check_exit(const uint8_t *map, size_t size, const struct cpu_exit *e)
{
	static const struct {
		uint32_t reason;
		enum cpu_exit_kind kind;
	} empty[] = {
		{5, CPU_EXIT_HLT},   {7, CPU_EXIT_IRQ_WINDOW},	{8, CPU_EXIT_SHUTDOWN},
		{10, CPU_EXIT_INTR}, {31, CPU_EXIT_DIRTY_FULL}, {33, CPU_EXIT_BUS_LOCK},
	};

	if (size < RUN_BYTES) {
		is_kind(e, CPU_EXIT_BAD);
		depth_hit(small_mapping);
		return;
	}
	same(e->raw, ld_le32(map + AT_REASON), "raw");
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		if (empty[i].reason != e->raw)
			continue;
		is_kind(e, empty[i].kind);
		return;
	}
	if (e->raw == 2)
		check_pio(map, size, e);
	else if (e->raw == 6)
		check_mmio(map, e);
	else if (e->raw == 17)
		check_internal(map, e);
	else if (e->raw == 24)
		check_system(map, e);
	else if (!check_plain(map, e))
		check_unknown(map, e);
	if (e->kind != CPU_EXIT_DEBUG && e->kind != CPU_EXIT_TPR_ACCESS)
		same(e->rip, map[AT_VALID] & 1 ? ld_le64(map + AT_RIP) : 0, "rip");
}

/* ---- what is done with an exit -------------------------------------------------------------------- */

static void check_text(const struct cpu_exit *e, unsigned salt)
{
	char text[400], cut[64];
	size_t room;
	int n = cpu_exit_format(e, text, sizeof(text)), m;

	FUZZ_ORACLE(n > 0 && memchr(text, 0, sizeof(text)), "text", "format gives %d", n);
	FUZZ_ORACLE((size_t)n < sizeof(text) || e->kind == CPU_EXIT_INTERNAL ||
			    e->kind == CPU_EXIT_EMULATION || e->kind == CPU_EXIT_SYSTEM_EVENT,
		    "text-length", "%s takes %d characters", cpu_exit_name(e->kind), n);
	if (e->kind == CPU_EXIT_UNKNOWN && e->raw > LAST_NAMED)
		FUZZ_ORACLE(!strstr(text, "KVM_EXIT_"), "unlisted-name", "%s", text);
	/* With a disassembly, or into too little room: printf() is what costs here, so not each time. */
	if (salt % 8)
		return;
	room = salt / 8 % sizeof(cut);
	memset(cut, 'x', sizeof(cut));
	m = cpu_exit_describe(e, 16u << salt / 8 % 3, cut, room);
	FUZZ_ORACLE(m > 0, "text", "describe gives %d", m);
	FUZZ_ORACLE(!room || memchr(cut, 0, room), "text-end", "no NUL in %zu bytes", room);
	FUZZ_ORACLE(cut[room] == 'x', "text-end", "written beyond %zu bytes", room);
}

/* As vm does: all data are read, and written for a read. Returns a value made from them. */
static uint64_t touch(struct cpu_exit *e)
{
	uint64_t sum = 0;
	size_t bytes;

	switch (e->kind) {
	case CPU_EXIT_PIO:
		/* The first and the last few by themselves, all of them in one go. */
		bytes = (size_t)e->pio.count * e->pio.size;
		if (e->pio.write)
			sum = hash64(0, e->pio.data, bytes);
		else
			memset(e->pio.data, e->pio.port & 0xff, bytes);
		for (uint32_t i = 0; i < e->pio.count;
		     i += i == 3 && e->pio.count > 8 ? e->pio.count - 7 : 1) {
			uint8_t *p = e->pio.data + (size_t)i * e->pio.size;

			if (e->pio.write)
				sum += ld_le(p, e->pio.size);
			else
				st_le(p, e->pio.size, e->pio.port + i);
		}
		if (e->pio.count > 1)
			depth_hit(pio_string);
		if (e->pio.write)
			depth_hit(pio_out);
		else
			depth_hit(pio_in);
		break;
	case CPU_EXIT_MMIO:
		if (e->mmio.write)
			sum = ld_le(e->mmio.data, e->mmio.size);
		else
			st_le(e->mmio.data, e->mmio.size, e->mmio.gpa);
		break;
	case CPU_EXIT_MSR:
		e->msr.fault = e->msr.num & 1;
		if (!e->msr.write)
			e->msr.val = e->msr.num;
		break;
	default:
		break;
	}
	return sum;
}

/* ---- modes 0 to 13: a mapping ------------------------------------------------------------------- */

/* Kept from input to input: (map) is exactly as large as KVM's mapping, (shadow) what it held. */
static uint8_t *map, shadow[MAP_BYTES];

static size_t map_size(uint8_t b)
{
	switch (b % 8) {
	case 5:
		return PAGE;
	case 6:
		return RUN_BYTES;
	case 7:
		return (size_t)b * 9 < RUN_BYTES ? (size_t)b * 9 : RUN_BYTES - 1;
	default:
		return MAP_BYTES;
	}
}

/* Put (p, n) at (at) of the mapping that begins at (start); what does not fit is left out. */
static size_t lay(size_t start, size_t at, size_t end, const uint8_t *p, size_t n)
{
	if (end > MAP_BYTES - start)
		end = MAP_BYTES - start;
	if (at >= end)
		return 0;
	if (n > end - at)
		n = end - at;
	memcpy(map + start + at, p, n);
	memcpy(shadow + start + at, p, n);
	return n;
}

/*
 * The mapping is what it was: all of it on inputs for dear checks, else what (tail) and the head put
 * there, the rest being zero.
 */
static bool unchanged(size_t start, size_t tail, bool dear)
{
	size_t head = MAP_BYTES - start < 512 ? MAP_BYTES - start : 512;

	if (dear)
		return fuzz_same(map, shadow, MAP_BYTES);
	return fuzz_same(map + start, shadow + start, head) &&
	       (!tail || fuzz_same(map + start + PAGE, shadow + start + PAGE, tail));
}

static void one_mapping(const uint8_t *p, size_t n, bool synced, bool dear, bool text)
{
	uint8_t size_byte = n ? p[0] : 0;
	size_t size = map_size(size_byte), start = MAP_BYTES - size, head, tail;
	struct cpu_exit e, again;
	const void *pe = &e, *pa = &again; /* as bytes: both were zeroed whole */

	if (n) {
		p++;
		n--;
	}
	/* Small mappings end where the buffer ends, so that ASan sees a byte too far. */
	start &= ~(size_t)7;
	size = size < RUN_BYTES ? size : MAP_BYTES - start;
	head = n < HEAD_END - HEAD ? n : HEAD_END - HEAD;
	lay(start, HEAD, HEAD_END, p, head);
	tail = lay(start, PAGE, MAP_BYTES, p + head, n - head);
	if (synced) {
		static const uint8_t valid = KVM_SYNC_X86_REGS;

		lay(start, AT_VALID, AT_VALID + 1, &valid, 1);
		lay(start, AT_RIP, AT_RIP + 8, p, head < 8 ? head : 8);
	}
	memset(&e, 0, sizeof(e));
	cpu_kvm_decode((struct kvm_run *)(map + start), size, &e);
	if (dear) {
		memset(&again, 0, sizeof(again));
		cpu_kvm_decode((struct kvm_run *)(map + start), size, &again);
		FUZZ_ORACLE(!memcmp(pe, pa, sizeof(e)), "pure", "reason %u: twice is not the same",
			    e.raw);
	}
	FUZZ_ORACLE(unchanged(start, tail, dear), "pure", "reason %u: the mapping changed", e.raw);
	FUZZ_ORACLE((unsigned)e.kind < CPU_EXIT_KINDS, "kind", "kind %d", (int)e.kind);
	check_exit(map + start, size, &e);
	fuzz_depth_counts[DEPTH_pio + e.kind]++;
	if (text)
		check_text(&e, size_byte / 8 + (unsigned)n);
	touch(&e);
	/* A read stays inside the data that it was told of. */
	if (e.kind == CPU_EXIT_PIO && !e.pio.write) {
		size_t bytes = (size_t)e.pio.count * e.pio.size;

		memcpy(shadow + (e.pio.data - map), e.pio.data, bytes);
		FUZZ_ORACLE(unchanged(start, tail, dear), "pio-data", "written outside of it");
		memset(e.pio.data, 0, bytes);
		memset(shadow + (e.pio.data - map), 0, bytes);
	}
	/* Zero again for the next input. */
	fuzz_zero(map + start, MAP_BYTES - start < 512 ? MAP_BYTES - start : 512);
	fuzz_zero(shadow + start, MAP_BYTES - start < 512 ? MAP_BYTES - start : 512);
	if (tail) {
		fuzz_zero(map + start + PAGE, tail);
		fuzz_zero(shadow + start + PAGE, tail);
	}
}

/* ---- modes 14 and 15: scripts --------------------------------------------------------------------- */

struct player {
	unsigned exits, texts; /* texts: so many are formatted */
	struct buf *text;      /* what was played, as text; NULL: not wanted */
};

static void check_promises(const struct cpu_exit *e)
{
	bool ok = true;

	switch (e->kind) {
	case CPU_EXIT_PIO:
		ok = (e->pio.size == 1 || e->pio.size == 2 || e->pio.size == 4) && e->pio.count &&
		     e->pio.count <= PAGE && e->pio.data;
		break;
	case CPU_EXIT_MMIO:
		ok = e->mmio.size >= 1 && e->mmio.size <= 8;
		break;
	case CPU_EXIT_EMULATION:
		ok = e->internal.suberror == 1 && e->internal.ndata <= 16 &&
		     e->internal.insn_len <= 15;
		break;
	case CPU_EXIT_INTERNAL:
		ok = e->internal.suberror != 1 && e->internal.ndata <= 16;
		break;
	case CPU_EXIT_SYSTEM_EVENT:
		ok = e->system_event.ndata <= 16;
		break;
	case CPU_EXIT_BAD:
		ok = e->text[0];
		break;
	default:
		ok = (unsigned)e->kind < CPU_EXIT_KINDS;
		break;
	}
	FUZZ_ORACLE(ok, "promise", "an exit of kind %s breaks its promises",
		    cpu_exit_name(e->kind));
}

/* The exit as a line of a text script, with the answer that it got. */
static void write_down(struct buf *b, const struct cpu_exit *e)
{
	switch (e->kind) {
	case CPU_EXIT_PIO:
		buf_printf(b, "pio %c 0x%x %u 0x%llx\n", e->pio.write ? 'w' : 'r', e->pio.port,
			   e->pio.size, (unsigned long long)ld_le(e->pio.data, e->pio.size));
		break;
	case CPU_EXIT_MMIO:
		buf_printf(b, "mmio %c 0x%llx %u 0x%llx\n", e->mmio.write ? 'w' : 'r',
			   (unsigned long long)e->mmio.gpa, e->mmio.size,
			   (unsigned long long)ld_le(e->mmio.data, e->mmio.size));
		break;
	case CPU_EXIT_MSR:
		buf_printf(b, "msr %c 0x%x 0x%llx%s\n", e->msr.write ? 'w' : 'r', e->msr.num,
			   (unsigned long long)e->msr.val, e->msr.fault ? " gp" : "");
		break;
	case CPU_EXIT_FAIL_ENTRY:
		buf_printf(b, "fail-entry 0x%llx\n", (unsigned long long)e->fail_entry.reason);
		break;
	case CPU_EXIT_EMULATION:
	case CPU_EXIT_INTERNAL:
		buf_printf(b, "internal %u", e->internal.suberror);
		for (unsigned i = 0; i < e->internal.insn_len; i++)
			buf_printf(b, " %02x", e->internal.insn[i]);
		buf_put(b, "\n", 1);
		break;
	case CPU_EXIT_UNKNOWN:
		buf_printf(b, "unknown %u\n", e->raw);
		break;
	default: /* hlt, shutdown, intr, irq-window */
		buf_printf(b, "%s\n", cpu_exit_name(e->kind));
		break;
	}
}

static enum cpu_answer on_exit_of_script(void *ctx, struct cpu_exit *e)
{
	struct player *pl = ctx;

	pl->exits++;
	check_promises(e);
	if (pl->exits <= pl->texts)
		check_text(e, pl->exits);
	touch(e);
	if (pl->text)
		write_down(pl->text, e);
	return e->raw % 5 ? CPU_GO : CPU_HALT;
}

static int ack_of_script(void *ctx)
{
	return ctx ? 0x20 : -1;
}

/* Run to the end. Returns how many answers the script did not like. */
static unsigned play(struct cpu *c, struct player *pl, size_t bound)
{
	unsigned wrong = 0;
	size_t runs = 0;
	enum cpu_stop why;

	c->ops->intr(c, true);
	do {
		why = c->ops->run(c, EXITS_MAX, 0);
		FUZZ_ORACLE(why != CPU_STOP_TIME, "script-stop", "a script stopped by time");
		FUZZ_ORACLE((why == CPU_STOP_ERROR) == (c->error.code != 0), "script-error",
			    "stop %d, error %d", why, c->error.code);
		wrong += why == CPU_STOP_ERROR;
		FUZZ_ORACLE(runs++ <= bound, "script-end", "no end after %zu runs", bound);
	} while (why != CPU_STOP_END);
	same(c->ops->icount(c), pl->exits, "icount");
	return wrong;
}

static void one_raw(const struct cpu_config *cfg, struct player *pl, const uint8_t *p, size_t n)
{
	struct cpu *c;

	if (cpu_script_new_raw(&c, cfg, p, n, NULL))
		return;
	play(c, pl, n);
	same(pl->exits, n / 16, "exits of a binary script");
	if (pl->exits)
		depth_hit(raw_exits);
	cpu_free(c);
}

static void one_text(const struct cpu_config *first, struct player *pl, const uint8_t *p, size_t n,
		     bool dear)
{
	struct cpu_config cfg = *first;
	struct buf text = {.max = 1 << 20};
	struct player second = {0};
	struct err err = {0};
	struct cpu *c;

	if (dear)
		pl->text = &text;
	if (cpu_script_new(&c, &cfg, (const char *)p, n, &err)) {
		FUZZ_ORACLE(!c, "script-error", "refused, but there is a CPU");
		FUZZ_ORACLE(err.code != -EINVAL || strstr(err.msg, "line "), "script-error",
			    "no line in: %s", err.msg);
		depth_hit(text_refused);
		return;
	}
	if (play(c, pl, n))
		depth_hit(text_wrong_answer);
	cpu_free(c);
	if (pl->exits)
		depth_hit(text_played);
	/* Its own text, played again. */
	if (dear && !text.failed && pl->exits) {
		second.texts = pl->texts;
		cfg.host.ctx = &second;
		if (cpu_script_new(&c, &cfg, buf_str(&text), text.len, &err))
			fuzz_oracle_fail("again", "own text is refused: %s", err.msg);
		if (play(c, &second, n))
			fuzz_oracle_fail("again", "own text is answered otherwise");
		same(second.exits, pl->exits, "exits the second time");
		cpu_free(c);
		depth_hit(text_again);
	}
	buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct player pl = {0};
	struct cpu_config cfg = {.host = {&pl, on_exit_of_script, ack_of_script}};

	bool dear;

	if (!size)
		return 0;
	dear = fuzz_dear(data, size);
	pl.texts = dear ? TEXTS_MAX : TEXTS_FEW;
	if (!map)
		map = calloc(1, MAP_BYTES);
	if (!map)
		return 0;
	switch (data[0] % 16) {
	case 14:
		one_raw(&cfg, &pl, data + 1, size - 1 < 16 * EXITS_MAX ? size - 1 : 16 * EXITS_MAX);
		break;
	case 15:
		one_text(&cfg, &pl, data + 1, size - 1 < 16 * EXITS_MAX ? size - 1 : 16 * EXITS_MAX,
			 dear);
		break;
	default:
		/* Text costs more than all the rest: of one input in eight. */
		one_mapping(data + 1, size - 1, data[0] & 1, dear, dear || !(data[0] & 0x70));
		break;
	}
	/* Every input of more than a reason is decoded to its end. */
	fuzz_case(1 + pl.exits, size > 12);
	return 0;
}

#ifdef __clang__
#pragma clang attribute pop
#endif
