/* SPDX-License-Identifier: MIT */
/* For tests of devices that switch the machine off or reset it: how often they asked. */
#ifndef VMM_DEV_TEST_POWER_H
#define VMM_DEV_TEST_POWER_H

#include "test_machine.h"

static unsigned offs, resets;

static inline void heard_power(void *ctx, enum dev_power what)
{
	(void)ctx;
	offs += what == DEV_POWER_OFF;
	resets += what == DEV_POWER_RESET;
}

/* The device on the bus, heard by the two above, which are 0. */
static inline struct dev *power_device(struct machine *m, const char *spec)
{
	m->env.host.power = heard_power;
	offs = resets = 0;
	return machine_add(m, spec);
}

#endif
