/* SPDX-License-Identifier: MIT */
/*
 * cpu: the script back end: a list of exits played into the host. Nobody runs; registers are only
 * kept. The binary form, from bytes of any kind, is described in script_raw.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "cpu_priv.h"
#include "script.h"

struct cpu_script {
	struct cpu cpu;
	bool has_state;
	bool halted;
	bool line;
	uint64_t exits;
	size_t at;
	/* one of the two */
	struct cpu_item *items;
	size_t nr_items;
	uint8_t *raw;
	size_t nr_raw; /* exits */
	/* From here on nothing is zeroed: written before it is looked at, and most scripts never do. */
	struct cpu_state state; /* reset when it is first looked at */
	uint8_t data[CPU_RAW_DATA];
};

/* ---- text: build the exit, ask, compare ----------------------------------------------------- */

static void item_exit(struct cpu_script *s, const struct cpu_item *it, struct cpu_exit *e)
{
	e->kind = it->kind;
	e->raw = it->raw;
	e->rip = 0;
	e->text[0] = 0;
	switch (it->kind) {
	case CPU_EXIT_PIO:
		e->pio.port = (uint16_t)it->addr;
		e->pio.size = it->size;
		e->pio.write = it->write;
		e->pio.count = 1;
		e->pio.data = s->data;
		st_le(s->data, it->size, it->write ? it->val : 0);
		break;
	case CPU_EXIT_MMIO:
		e->mmio.gpa = it->addr;
		e->mmio.size = it->size;
		e->mmio.write = it->write;
		st_le64(e->mmio.data, it->write ? it->val : 0);
		break;
	case CPU_EXIT_MSR:
		e->msr.num = (uint32_t)it->addr;
		e->msr.write = it->write;
		e->msr.why = 0;
		e->msr.fault = false;
		e->msr.val = it->write ? it->val : 0;
		break;
	case CPU_EXIT_FAIL_ENTRY:
		e->fail_entry.reason = it->addr;
		e->fail_entry.cpu = 0;
		break;
	case CPU_EXIT_EMULATION:
	case CPU_EXIT_INTERNAL:
		memset(&e->internal, 0, sizeof(e->internal));
		e->internal.suberror = (uint32_t)it->addr;
		e->internal.insn_len = it->nr_bytes;
		memcpy(e->internal.insn, it->bytes, sizeof(e->internal.insn));
		break;
	case CPU_EXIT_UNKNOWN:
		memset(&e->unknown, 0, sizeof(e->unknown));
		break;
	default:
		break;
	}
}

static int differs(struct cpu_script *s, const struct cpu_item *it, uint64_t got)
{
	const char *kind = cpu_exit_name(it->kind);

	return err_set(&s->cpu.error, -EBADMSG, "line %u: %s r 0x%llx: want 0x%llx, got 0x%llx",
		       it->line, kind, (unsigned long long)it->addr, (unsigned long long)it->val,
		       (unsigned long long)got);
}

/* Is the answer the one that the script says? */
static int check_answer(struct cpu_script *s, const struct cpu_item *it, const struct cpu_exit *e)
{
	uint64_t got;

	switch (it->kind) {
	case CPU_EXIT_PIO:
		got = ld_le(s->data, it->size);
		break;
	case CPU_EXIT_MMIO:
		got = ld_le(e->mmio.data, it->size);
		break;
	case CPU_EXIT_MSR:
		if (e->msr.fault != it->gp)
			return err_set(
				&s->cpu.error, -EBADMSG, "line %u: msr %c 0x%llx: want %s, got %s",
				it->line, it->write ? 'w' : 'r', (unsigned long long)it->addr,
				it->gp ? "#GP" : "no fault", e->msr.fault ? "#GP" : "no fault");
		if (it->gp)
			return 0;
		got = e->msr.val;
		break;
	default:
		return 0;
	}
	if (it->write || it->any || got == it->val)
		return 0;
	return differs(s, it, got);
}

static int expect_int(struct cpu_script *s, const struct cpu_item *it)
{
	int vec;

	if (!s->line)
		return err_set(
			&s->cpu.error, -EBADMSG,
			"line %u: expect-int 0x%llx: want the interrupt line up, got it down",
			it->line, (unsigned long long)it->val);
	vec = s->cpu.host.ack ? s->cpu.host.ack(s->cpu.host.ctx) : -1;
	if (vec < 0 || (uint64_t)vec != it->val)
		return err_set(&s->cpu.error, -EBADMSG,
			       "line %u: expect-int: want vector 0x%llx, got %d", it->line,
			       (unsigned long long)it->val, vec);
	trace_note(s->cpu.trace, TRACE_INJECT, 0, (uint64_t)vec, 0, NULL);
	return 0;
}

/* One item. True: go on; else *why says why not. */
static bool play_item(struct cpu_script *s, const struct cpu_item *it, enum cpu_stop *why)
{
	enum cpu_answer answer;
	struct cpu_exit e;

	*why = CPU_STOP_END;
	if (it->what == CPU_ITEM_END)
		return false;
	s->at++;
	*why = CPU_STOP_ERROR;
	if (it->what == CPU_ITEM_EXPECT_INT)
		return !expect_int(s, it);
	item_exit(s, it, &e);
	s->exits++;
	s->cpu.rip = 0;
	s->halted = it->kind == CPU_EXIT_HLT;
	answer = s->cpu.host.exit(s->cpu.host.ctx, &e);
	if (check_answer(s, it, &e))
		return false;
	*why = CPU_STOP_HOST;
	return answer == CPU_GO;
}

/* ---- the back end --------------------------------------------------------------------------- */

static struct cpu_script *script_of(struct cpu *c)
{
	return container_of(c, struct cpu_script, cpu);
}

static enum cpu_stop script_run(struct cpu *c, uint64_t budget, uint64_t wall_ms)
{
	struct cpu_script *s = script_of(c);
	uint64_t end;

	(void)wall_ms; /* a script is finite, and the host's own time is not limited by kvm either
			*/
	c->error = (struct err){0};
	if (!budget || add_wraps(s->exits, budget, &end))
		end = UINT64_MAX;
	while (s->at < (s->raw ? s->nr_raw : s->nr_items)) {
		if (s->exits >= end)
			return CPU_STOP_BUDGET;
		if (s->raw) {
			struct cpu_exit e;

			cpu_script_decode_raw(s->raw + s->at++ * CPU_RAW_BYTES, s->data, &e);
			s->exits++;
			c->rip = e.rip;
			s->halted = e.kind == CPU_EXIT_HLT;
			if (c->host.exit(c->host.ctx, &e) == CPU_HALT)
				return CPU_STOP_HOST;
		} else {
			enum cpu_stop why;

			if (!play_item(s, &s->items[s->at], &why))
				return why;
		}
	}
	return CPU_STOP_END;
}

static int script_get(struct cpu *c, struct cpu_state *st, struct err *err)
{
	struct cpu_script *s = script_of(c);

	(void)err;
	if (!s->has_state)
		x86_state_reset(&s->state);
	s->has_state = true;
	memcpy(st, &s->state, sizeof(*st));
	st->halted = s->halted;
	return 0;
}

/* What hardware would refuse is refused here too. */
static int script_set(struct cpu *c, const struct cpu_state *st, struct err *err)
{
	struct cpu_script *s = script_of(c);
	int r = x86_state_check(st, err);

	if (r)
		return r;
	memcpy(&s->state, st, sizeof(*st));
	s->has_state = true;
	s->halted = st->halted;
	return 0;
}

static int script_intr(struct cpu *c, bool line)
{
	script_of(c)->line = line;
	return 0;
}

static int script_nmi(struct cpu *c)
{
	trace_note(c->trace, TRACE_INJECT, 1, X86_NMI, 0, NULL);
	return 0;
}

static int script_debug(struct cpu *c, bool step, const uint64_t *bp, unsigned nr_bp,
			struct err *err)
{
	(void)c;
	(void)bp;
	if (!step && !nr_bp)
		return 0;
	return err_set(err, -EOPNOTSUPP, "a script has no instructions to step or break at");
}

/* Memory is the host's: there is nothing to map and nobody writes. */
static int script_nothing(struct cpu *c, struct err *err)
{
	(void)c;
	(void)err;
	return 0;
}

static uint64_t script_icount(struct cpu *c)
{
	return script_of(c)->exits;
}

static void script_free(struct cpu *c)
{
	struct cpu_script *s = script_of(c);

	free(s->items);
	free(s->raw);
	free(s);
}

static const struct cpu_ops ops = {
	.name = "script",
	.exact_count = false,
	.run = script_run,
	.get = script_get,
	.set = script_set,
	.intr = script_intr,
	.nmi = script_nmi,
	.debug = script_debug,
	.memory = script_nothing,
	.sync_dirty = script_nothing,
	.icount = script_icount,
	.free = script_free,
};

static struct cpu_script *script_alloc(const struct cpu_config *cfg)
{
	struct cpu_script *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	memset(s, 0, offsetof(struct cpu_script, state));
	cpu_init(&s->cpu, &ops, cfg);
	return s;
}

int cpu_script_new(struct cpu **out, const struct cpu_config *cfg, const char *text, size_t len,
		   struct err *err)
{
	struct cpu_script *s = script_alloc(cfg);
	int r;

	*out = NULL;
	if (!s)
		return err_set(err, -ENOMEM, "script: no memory");
	r = cpu_script_parse(text, len, &s->items, &s->nr_items, err);
	if (r) {
		free(s);
		return r;
	}
	*out = &s->cpu;
	return 0;
}

int cpu_script_new_raw(struct cpu **out, const struct cpu_config *cfg, const void *bytes,
		       size_t len, struct err *err)
{
	struct cpu_script *s;

	*out = NULL;
	if (len > CPU_SCRIPT_MAX)
		return err_set(err, -E2BIG, "script of %zu bytes, at most %zu", len,
			       CPU_SCRIPT_MAX);
	s = script_alloc(cfg);
	if (s)
		s->raw = malloc(len + !len);
	if (!s || !s->raw) {
		free(s);
		return err_set(err, -ENOMEM, "script: no memory");
	}
	if (len)
		memcpy(s->raw, bytes, len);
	s->nr_raw = len / CPU_RAW_BYTES;
	*out = &s->cpu;
	return 0;
}
