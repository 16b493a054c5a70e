/* SPDX-License-Identifier: MIT */
/* cpu, private: what all back ends are made with. */
#ifndef VMM_CPU_PRIV_H
#define VMM_CPU_PRIV_H

#include <vmm/cpu.h>

/* (c) is zeroed. */
static inline void cpu_init(struct cpu *c, const struct cpu_ops *ops, const struct cpu_config *cfg)
{
	c->ops = ops;
	c->host = cfg->host;
	c->mem = cfg->mem;
	c->trace = cfg->trace;
}

#endif
