/* SPDX-License-Identifier: MIT */
/*
 * lapic: interrupts that the CPU sends, SDM volume 3A 10.6, and messages that it is sent, 10.11. There is
 * one CPU: what is not for it goes nowhere, INIT and SIPI reach nobody.
 */
#include <assert.h>

#include "lapic_priv.h"

uint32_t lapic_ldr(const struct lapic *a)
{
	return is_x2(a) ? 1u : a->ldr; /* of ID 0: 3A 10.12.10.2 */
}

static bool logical_match(const struct lapic *a, uint32_t dest)
{
	uint32_t ldr = lapic_ldr(a);

	if (is_x2(a))
		return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffff);
	ldr >>= 24;
	if (a->dfr >> 28 == DFR_FLAT)
		return ldr & dest;
	return ldr >> 4 == dest >> 4 && (ldr & dest & 15);
}

static bool dest_is_us(const struct lapic *a, uint32_t dest, bool logical)
{
	uint32_t everyone = is_x2(a) ? UINT32_MAX : 0xff;

	if (dest == everyone)
		return true;
	return logical ? logical_match(a, dest) : dest == 0;
}

static bool is_for_us(const struct lapic *a)
{
	uint32_t dest = is_x2(a) ? a->icr_high : a->icr_high >> 24;

	switch ((enum shorthand)(a->icr >> ICR_SHORTHAND_SHIFT & 3)) {
	case TO_SELF:
	case TO_ALL:
		return true;
	case TO_OTHERS:
		return false;
	case TO_DESTINATION:
		break;
	}
	return dest_is_us(a, dest, a->icr & ICR_LOGICAL);
}

void lapic_send(struct lapic *a)
{
	struct dev_host *host = &a->dev.env.host;
	unsigned vec = a->icr & 0xff, mode = a->icr >> LVT_MODE_SHIFT & 7;

	if ((mode == MODE_FIXED || mode == MODE_LOWEST) && vec < VECTOR_MIN) {
		lapic_error(a, ESR_SEND_VECTOR);
		return;
	}
	if (!is_for_us(a))
		return;
	switch (mode) {
	case MODE_FIXED:
	case MODE_LOWEST:
		if (a->svr & SVR_ENABLE)
			lapic_accept(a, vec, false);
		break;
	case MODE_NMI:
		if (host->nmi)
			host->nmi(host->ctx);
		break;
	default: /* the one CPU does not restart itself */
		break;
	}
}

/*
 * 3A 10.11. A message's destination has 8 bits: in x2APIC mode 0xff is everyone all the same, and a
 * logical one is of cluster 0.
 */
bool lapic_msi(struct dev *d, uint64_t addr, uint32_t data)
{
	struct lapic *a = lapic_of(d);
	struct dev_host *host = &d->env.host;
	uint32_t dest = (uint32_t)(addr >> MSI_DEST_SHIFT & 0xff);
	unsigned mode = data >> LVT_MODE_SHIFT & 7;

	assert(d->cls == &dev_class_lapic);
	if (is_x2(a) && dest == 0xff)
		dest = UINT32_MAX;
	if (addr >> 20 != LAPIC_BASE >> 20 || !is_on(a) || !dest_is_us(a, dest, addr & MSI_LOGICAL))
		return false;
	switch (mode) {
	case MODE_FIXED:
	case MODE_LOWEST:
		if (!(a->svr & SVR_ENABLE))
			return false;
		lapic_accept(a, data & 0xff, data & MSI_LEVEL);
		break;
	case MODE_NMI:
		if (host->nmi)
			host->nmi(host->ctx);
		break;
	case MODE_EXTINT:
		a->ext = true;
		break;
	default: /* SMI and INIT: nothing here has them */
		break;
	}
	lapic_update(a);
	return true;
}
