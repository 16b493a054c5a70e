/* SPDX-License-Identifier: MIT */
/* cpu: tests that need /dev/kvm skip, saying why, where there is none. */
#ifndef VMM_CPU_TEST_KVM_H
#define VMM_CPU_TEST_KVM_H

#include "test_util.h"

/* The rig (r) with a CPU of (cfg) becomes the state; NULL where there is no KVM. */
static inline int kvm_setup_with(void **state, struct rig *r, const struct cpu_config *cfg)
{
	struct err err = {0};
	int ret = cpu_kvm_new(&r->cpu, cfg, &err);

	*state = r;
	if (!ret)
		return 0;
	rig_free(r);
	*state = NULL;
	if (ret != -ENOENT && ret != -EACCES) {
		print_error("cpu_kvm_new: %s\n", err.msg);
		return -1;
	}
	print_message("# %s\n", err.msg);
	return 0;
}

static inline int kvm_setup_rip(void **state, bool rip)
{
	struct rig *r = rig_new();
	struct cpu_config cfg = rig_config(r);

	cfg.want_rip = rip;
	return kvm_setup_with(state, r, &cfg);
}

static inline int kvm_setup(void **state)
{
	return kvm_setup_rip(state, false);
}

static inline int kvm_teardown(void **state)
{
	rig_free(*state);
	return 0;
}

/* First thing in a test: its rig, or a skip. */
#define KVM_RIG(state) (*(state) ? (struct rig *)*(state) : (skip(), (struct rig *)NULL))

#define WALL 5000 /* ms: a guest that hangs ends its test as a failure */

/* Run to the host's stop. */
#define kvm_go(r)                                                                                  \
	do {                                                                                       \
		enum cpu_stop s_ = (r)->cpu->ops->run((r)->cpu, 0, WALL);                          \
		if (s_ != CPU_STOP_HOST)                                                           \
			fail_msg("stopped by %s after %u exits", stop_text(r, s_), (r)->n);        \
	} while (0)

#define assert_pio(s, w, p, sz, v)                                                                 \
	do {                                                                                       \
		assert_int_equal((s).e.kind, CPU_EXIT_PIO);                                        \
		assert_int_equal((s).e.pio.write, w);                                              \
		assert_int_equal((s).e.pio.port, p);                                               \
		assert_int_equal((s).e.pio.size, sz);                                              \
		assert_int_equal((s).val, v);                                                      \
	} while (0)
#define assert_mmio(s, w, a, sz, v)                                                                \
	do {                                                                                       \
		assert_int_equal((s).e.kind, CPU_EXIT_MMIO);                                       \
		assert_int_equal((s).e.mmio.write, w);                                             \
		assert_int_equal((s).e.mmio.gpa, a);                                               \
		assert_int_equal((s).e.mmio.size, sz);                                             \
		assert_int_equal((s).val, v);                                                      \
	} while (0)

#endif
