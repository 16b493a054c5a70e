/* SPDX-License-Identifier: MIT */
/*
 * What the tests of vm share: making machines, their canonical stream as text, and a CPU whose
 * exits are given as a list, for those that neither a script nor this host's KVM can make.
 */
#ifndef TEST_VM_H
#define TEST_VM_H

/* clang-format off: cmocka.h needs these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vm_priv.h"

/* KVM tests are skipped without it, saying so. */
#define NEED_KVM()                                                                                 \
	do {                                                                                       \
		if (access("/dev/kvm", R_OK | W_OK)) {                                             \
			print_message("no usable /dev/kvm\n");                                     \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

/* ---- the stream -------------------------------------------------------------------------------- */

static inline void stream_put(void *ctx, const struct trace_event *ev)
{
	char line[200];

	if (!trace_is_canonical(ev))
		return;
	trace_format(ev, line, sizeof(line));
	buf_printf(ctx, "%s\n", line);
}

static inline void stream_to(struct vm *vm, struct buf *b)
{
	trace_set_sink(vm->trace, stream_put, b);
}

/* ---- machines ---------------------------------------------------------------------------------- */

static inline struct vm *make_vm(const struct vm_spec *spec)
{
	struct err err = {0};
	struct vm *vm = NULL;
	int r = vm_new(&vm, spec, &err);

	if (r)
		print_message("vm_new: %d: %s\n", r, err.msg);
	assert_int_equal(r, 0);
	assert_non_null(vm);
	return vm;
}

static inline struct vm *make_script(const char *text)
{
	struct vm_spec spec = {.cpu = VM_CPU_SCRIPT, .script = text, .script_len = strlen(text)};

	return make_vm(&spec);
}

static inline struct vm_spec flat_spec(const void *code, size_t len, enum x86_mode mode)
{
	struct vm_spec spec = {.cpu = VM_CPU_KVM};

	spec.load.kind = LOAD_FLAT;
	spec.load.image.data = code;
	spec.load.image.len = len;
	spec.load.base = mode == X86_REAL ? 0x8000 : 0x100000;
	spec.load.mode = mode;
	return spec;
}

static inline struct vm_result run_vm(struct vm *vm, uint64_t budget, uint64_t wall_ms)
{
	struct vm_limits lim = {.budget = budget, .wall_ms = wall_ms};
	struct vm_result res;

	assert_int_equal(vm_run(vm, &lim, &res), 0);
	assert_non_null(res.end);
	assert_true(res.reason[0]);
	return res;
}

/* ---- a CPU of given exits ----------------------------------------------------------------------- */

struct mock {
	struct cpu cpu;
	struct cpu_state state;
	struct cpu_exit *exits;
	unsigned nr, at;
	unsigned nmis, debugs;
	bool line, step;
	unsigned nr_bp;
	uint64_t bp;
	int get_error, debug_error, memory_error;
	bool fail; /* the next run is an error */
	/* called before each exit, as the guest between two of them */
	void (*guest)(struct mock *m);
};

static inline struct mock *mock_of(struct cpu *c)
{
	return container_of(c, struct mock, cpu);
}

static inline enum cpu_stop mock_run(struct cpu *c, uint64_t budget, uint64_t wall_ms)
{
	struct mock *m = mock_of(c);
	uint64_t n = 0;

	(void)wall_ms;
	if (m->fail) {
		err_set(&c->error, -EIO, "KVM_RUN: Input/output error");
		return CPU_STOP_ERROR;
	}
	while (m->at < m->nr) {
		if (budget && n++ == budget)
			return CPU_STOP_BUDGET;
		if (m->guest)
			m->guest(m);
		if (c->host.exit(c->host.ctx, &m->exits[m->at++]) == CPU_HALT)
			return CPU_STOP_HOST;
	}
	return CPU_STOP_END;
}

static inline int mock_get(struct cpu *c, struct cpu_state *s, struct err *err)
{
	struct mock *m = mock_of(c);

	if (m->get_error)
		return err_set(err, m->get_error, "KVM_GET_REGS: no");
	*s = m->state;
	return 0;
}

static inline int mock_set(struct cpu *c, const struct cpu_state *s, struct err *err)
{
	int r = x86_state_check(s, err);

	if (!r)
		mock_of(c)->state = *s;
	return r;
}

static inline int mock_intr(struct cpu *c, bool line)
{
	mock_of(c)->line = line;
	return 0;
}

static inline int mock_nmi(struct cpu *c)
{
	mock_of(c)->nmis++;
	mock_of(c)->state.nmi_pending = true;
	return 0;
}

static inline int mock_debug(struct cpu *c, bool step, const uint64_t *bp, unsigned nr_bp,
			     struct err *err)
{
	struct mock *m = mock_of(c);

	if (m->debug_error)
		return err_set(err, m->debug_error, "KVM_SET_GUEST_DEBUG: no");
	m->debugs++;
	m->step = step;
	m->nr_bp = nr_bp;
	m->bp = nr_bp ? bp[0] : 0;
	return 0;
}

static inline int mock_memory(struct cpu *c, struct err *err)
{
	int r = mock_of(c)->memory_error;

	return r ? err_set(err, r, "KVM_SET_USER_MEMORY_REGION: no") : 0;
}

static inline int mock_sync(struct cpu *c, struct err *err)
{
	(void)c;
	(void)err;
	return 0;
}

static inline uint64_t mock_icount(struct cpu *c)
{
	return mock_of(c)->at;
}

static inline void mock_free(struct cpu *c)
{
	(void)c; /* it is the test's */
}

static const struct cpu_ops mock_ops = {
	.name = "mock",
	.run = mock_run,
	.get = mock_get,
	.set = mock_set,
	.intr = mock_intr,
	.nmi = mock_nmi,
	.debug = mock_debug,
	.memory = mock_memory,
	.sync_dirty = mock_sync,
	.icount = mock_icount,
	.free = mock_free,
};

/* A machine as kvm's, with (m) for its CPU. */
static inline struct vm *make_mock(struct mock *m, struct cpu_exit *exits, unsigned nr)
{
	struct vm_spec spec = {.cpu = VM_CPU_SCRIPT, .script = "", .track_dirty = true};
	struct vm *vm = make_vm(&spec);

	memset(m, 0, sizeof(*m));
	m->cpu.ops = &mock_ops;
	m->cpu.host = vm->cpu->host;
	m->exits = exits;
	m->nr = nr;
	assert_int_equal(x86_boot(&m->state, vm->mem, X86_LONG, 0x100000, 0x80000, 0, NULL), 0);
	cpu_free(vm->cpu);
	vm->cpu = &m->cpu;
	vm->kind = VM_CPU_KVM;
	vm->hlt_resumes = false;
	trace_set_sources(vm->trace, &vm->clock.now, &m->cpu.rip);
	return vm;
}

/* Exits for its list. */
static inline struct cpu_exit mmio_write(uint64_t gpa, unsigned size, uint64_t val)
{
	struct cpu_exit e = {.kind = CPU_EXIT_MMIO};

	e.mmio.gpa = gpa;
	e.mmio.size = (uint8_t)size;
	e.mmio.write = true;
	st_le(e.mmio.data, size, val);
	return e;
}

static inline struct cpu_exit mmio_read(uint64_t gpa, unsigned size)
{
	struct cpu_exit e = {.kind = CPU_EXIT_MMIO};

	e.mmio.gpa = gpa;
	e.mmio.size = (uint8_t)size;
	return e;
}

static inline struct cpu_exit just(enum cpu_exit_kind kind)
{
	struct cpu_exit e = {.kind = kind};

	return e;
}

#endif
