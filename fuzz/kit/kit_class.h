/* SPDX-License-Identifier: MIT */
/*
 * kit_class: the device that the kit's targets are about, as kit.mk was told of it by -D: KIT_CLASS names
 * a struct dev_class, or KIT_SHIM a struct vise_shim. KIT_OPTS are options of its instance.
 *
 * What a device's author may define beside it; whatever is not there is not asked:
 *	bool kit_may_write(uint64_t gpa, uint64_t len)	a store to RAM that no virtqueue allows: did the
 *		driver allow it otherwise, by a register say? Without it a device that is no virtio device may
 *		write to all of RAM.
 *	void kit_env(struct dev_env *env)	back ends of its own, set once
 *	void kit_begin(void)			those as they were at first, before each input
 *	void kit_event(uint8_t b)		something happens outside
 *	void kit_check(void)			what must hold after each call into a device
 *	extern const uint32_t kit_holds		queues whose chains it keeps after a doorbell, one bit each
 */
#ifndef VISE_KIT_CLASS_H
#define VISE_KIT_CLASS_H

#include <vmm/dev.h>

#ifndef KIT_OPTS
#define KIT_OPTS ""
#endif

const struct dev_class *kit_shim_class(void); /* kit_shim.c */

bool kit_may_write(uint64_t gpa, uint64_t len) __attribute__((weak));
void kit_env(struct dev_env *env) __attribute__((weak));
void kit_begin(void) __attribute__((weak));
void kit_event(uint8_t b) __attribute__((weak));
void kit_check(void) __attribute__((weak));
extern const uint32_t kit_holds __attribute__((weak));

#ifdef KIT_CLASS
extern const struct dev_class KIT_CLASS;
#endif

static inline const struct dev_class *kit_class(void)
{
#ifdef KIT_CLASS
	return &KIT_CLASS;
#else
	return kit_shim_class();
#endif
}

#endif
