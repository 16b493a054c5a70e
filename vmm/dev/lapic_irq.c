/* SPDX-License-Identifier: MIT */
/* lapic: which interrupt comes next: priorities, local sources, errors. SDM volume 3A 10.5 and 10.8. */
#include <assert.h>

#include "lapic_priv.h"

int lapic_highest(const uint32_t *set)
{
	for (int i = WORDS - 1; i >= 0; i--)
		if (set[i])
			return i * 32 + 31 - __builtin_clz(set[i]);
	return -1;
}

uint32_t lapic_ppr(const struct lapic *a)
{
	int serving = lapic_highest(a->isr);
	uint32_t isrv = serving < 0 ? 0 : (uint32_t)serving;

	return a->tpr >> 4 >= isrv >> 4 ? a->tpr : isrv & 0xf0;
}

/* The vector to be delivered now, or -1. */
static int deliverable(const struct lapic *a)
{
	int vec = lapic_highest(a->irr);

	if (!is_on(a) || !(a->svr & SVR_ENABLE) || vec < 0)
		return -1;
	return (uint32_t)vec >> 4 > lapic_ppr(a) >> 4 ? vec : -1;
}

static bool extint(const struct lapic *a)
{
	uint32_t l = a->lvt[LVT_LINT0];

	/* Switched off, it is as if it was not there: the 8259 has the pin (3A 10.4.3). */
	if (!is_on(a))
		return a->lint0;
	if (a->ext)
		return true;
	return a->lint0 && !(l & LVT_MASKED) && (l >> LVT_MODE_SHIFT & 7) == MODE_EXTINT;
}

bool lapic_asks(const struct lapic *a)
{
	return extint(a) || deliverable(a) >= 0;
}

void lapic_update(struct lapic *a)
{
	struct dev_host *host = &a->dev.env.host;
	bool out = lapic_asks(a);

	if (out == a->out)
		return;
	a->out = out;
	if (host->intr)
		host->intr(host->ctx, out);
}

void lapic_accept(struct lapic *a, unsigned vec, bool level)
{
	uint32_t bit = 1u << (vec % 32);

	if (vec < VECTOR_MIN) {
		lapic_error(a, ESR_RECEIVE_VECTOR);
		return;
	}
	a->irr[vec / 32] |= bit;
	if (level)
		a->tmr[vec / 32] |= bit;
	else
		a->tmr[vec / 32] &= ~bit;
}

/* A local source asks: 3A 10.5.1. */
void lapic_local(struct lapic *a, enum lvt which)
{
	uint32_t l = a->lvt[which];
	struct dev_host *host = &a->dev.env.host;

	if ((l & LVT_MASKED) || !is_on(a))
		return;
	switch (which == LVT_TIMER || which == LVT_ERROR ? MODE_FIXED : l >> LVT_MODE_SHIFT & 7) {
	case MODE_FIXED:
		lapic_accept(a, l & 0xff, false);
		break;
	case MODE_NMI:
		if (host->nmi)
			host->nmi(host->ctx);
		break;
	default: /* SMI and INIT: nothing here has them */
		break;
	}
}

void lapic_error(struct lapic *a, uint32_t bit)
{
	uint32_t l = a->lvt[LVT_ERROR];
	bool first = !(a->esr_new & bit);

	a->esr_new |= bit;
	/* A bad vector in the error entry itself: once is enough. */
	if (first && !((l & 0xff) < VECTOR_MIN))
		lapic_local(a, LVT_ERROR);
}

int lapic_ack(struct dev *d)
{
	struct lapic *a = lapic_of(d);
	int vec;

	assert(d->cls == &dev_class_lapic);
	if (extint(a)) {
		a->ext = false;
		lapic_update(a);
		return LAPIC_EXTINT;
	}
	vec = deliverable(a);
	if (vec >= 0) {
		a->irr[vec / 32] &= ~(1u << (vec % 32));
		a->isr[vec / 32] |= 1u << (vec % 32);
	}
	lapic_update(a);
	return vec;
}

void lapic_lint0(struct dev *d, int level)
{
	struct lapic *a = lapic_of(d);
	bool rises = level && !a->lint0;

	assert(d->cls == &dev_class_lapic);
	a->lint0 = level != 0;
	if (rises && (a->lvt[LVT_LINT0] >> LVT_MODE_SHIFT & 7) != MODE_EXTINT)
		lapic_local(a, LVT_LINT0);
	lapic_update(a);
}

void lapic_set_cr8(struct dev *d, unsigned cr8)
{
	struct lapic *a = lapic_of(d);

	assert(d->cls == &dev_class_lapic);
	a->tpr = (cr8 & 15) << 4;
	lapic_update(a);
}
