/* SPDX-License-Identifier: MIT */
/*
 * soft: counting the guest's edges. Handlers of direct branches have the places of their counts beside
 * them, made with the trace; indirect ones and operations look here each time.
 */
#include <errno.h>

#include "fast.h"

uint64_t *soft_edge(struct soft_edges *e, uint64_t from, uint64_t to)
{
	uint64_t at = (from * 0x9e3779b97f4a7c15ull) ^ (to * 0xc2b2ae3d27d4eb4full);

	at ^= at >> 32;
	for (unsigned i = 0; i < SOFT_EDGE_PROBES; i++) {
		struct soft_edge *g = &e->table[(at + i) & (e->nr - 1)];

		if (g->from == from && g->to == to && g->used)
			return &g->count;
		if (g->used)
			continue;
		*g = (struct soft_edge){.from = from, .to = to, .used = 1};
		return &g->count;
	}
	return &e->lost;
}

int soft_count_edges(struct soft *s, struct soft_edges *e)
{
	if (e && (!e->table || !e->nr || (e->nr & (e->nr - 1))))
		return -EINVAL;
	s->edges = e;
	soft_fast_flush(s);
	return 0;
}

static bool is_branch(const struct insn *i)
{
	switch (i->op) {
#define SOFT_OP(op, fn) case INSN_##op:
#include "ops_flow.h"
#undef SOFT_OP
	case INSN_SYSCALL:
	case INSN_SYSRET:
	case INSN_SYSENTER:
	case INSN_SYSEXIT:
		return true;
	default:
		return false;
	}
}

static uint64_t linear(const struct soft *s, uint64_t rip)
{
	return s->bits == 64 ? rip : (uint32_t)(s->seg[X86_CS].base + rip);
}

void soft_edge_op(struct soft *s, const struct insn *i, soft_op op)
{
	uint64_t from = linear(s, s->rip);

	op(s, i);
	if (is_branch(i) && soft_edge_wanted(s->edges, from))
		++*soft_edge(s->edges, from, linear(s, s->next_rip));
}
