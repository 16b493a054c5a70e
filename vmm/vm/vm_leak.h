/* SPDX-License-Identifier: MIT */
/* vm, private: the planted leaks of the flavour `leak`, see vm_leak.c. Nothing elsewhere. */
#ifndef VM_LEAK_H
#define VM_LEAK_H

#include <vmm/vm.h>

#ifdef VISE_LEAK
#define VM_LEAK_PORT 0x5e0u
/* The guest has read (port); *val is what it gets. */
void vm_leak(struct vm *vm, unsigned port, uint64_t *val);
#else
static inline void vm_leak(struct vm *vm, unsigned port, uint64_t *val)
{
	(void)vm;
	(void)port;
	(void)val;
}
#endif

#endif
