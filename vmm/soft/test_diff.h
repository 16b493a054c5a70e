/* SPDX-License-Identifier: MIT */
/*
 * soft: for its unit tests: one instruction with one start state on the host's CPU and on the
 * reference path, and what differs: registers, flags, the FXSAVE image, memory, the fault.
 */
#ifndef TEST_DIFF_H
#define TEST_DIFF_H

#include <unistd.h>

#include "test_native.h"
#include "test_soft.h"

#if NATIVE

#define DATA_LEN 0x2000u

static uint64_t seed = 88172645463325252;
static inline uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d;
}

static inline void to_soft(struct soft *s, const struct native *n)
{
	struct soft_x87 *f = &s->x87;

	f->cw = ld_le16(n->fx);
	f->sw = ld_le16(n->fx + 2);
	f->tag = n->fx[4];
	f->op = ld_le16(n->fx + 6);
	f->ip = ld_le64(n->fx + 8);
	f->dp = ld_le64(n->fx + 16);
	s->mxcsr = ld_le32(n->fx + 24);
	for (unsigned k = 0; k < 8; k++) {
		struct soft_f80 *r = &f->reg[(k + (f->sw >> 11)) & 7];

		r->sig = ld_le64(n->fx + 32 + 16 * k);
		r->exp = ld_le16(n->fx + 40 + 16 * k);
	}
	for (unsigned k = 0; k < 32; k++)
		s->xmm[k / 2].q[k & 1] = ld_le64(n->fx + 160 + 8 * k);
	for (unsigned k = 0; k < 16; k++)
		if (k != X86_RSP)
			s->gpr[k] = n->gpr[k];
	s->rflags = (s->rflags & ~0xcd5ull) | (n->flags & 0xcd5);
}

static inline void from_soft(const struct soft *s, struct native *n)
{
	const struct soft_x87 *f = &s->x87;

	memset(n->fx, 0, sizeof(n->fx));
	st_le16(n->fx, f->cw);
	st_le16(n->fx + 2, f->sw);
	n->fx[4] = f->tag;
	st_le16(n->fx + 6, f->op);
	st_le64(n->fx + 8, f->ip);
	st_le64(n->fx + 16, f->dp);
	st_le32(n->fx + 24, s->mxcsr);
	for (unsigned k = 0; k < 8; k++) {
		const struct soft_f80 *r = &f->reg[(k + (f->sw >> 11)) & 7];

		st_le64(n->fx + 32 + 16 * k, r->sig);
		st_le16(n->fx + 40 + 16 * k, r->exp);
	}
	for (unsigned k = 0; k < 32; k++)
		st_le64(n->fx + 160 + 8 * k, s->xmm[k / 2].q[k & 1]);
	for (unsigned k = 0; k < 16; k++)
		n->gpr[k] = s->gpr[k];
	n->flags = s->rflags;
}

/* Where the FXSAVE image may differ, and what else. */
struct diff_rules {
	bool no_vectors; /* the image is not compared */
	bool own_ulp;	 /* x87 results may differ in the last place, and with it C1 and UE */
	uint64_t flags;	 /* RFLAGS that are compared */
};

struct diff {
	struct test_soft t;
	struct native start, host, soft;
	uint8_t host_data[DATA_LEN], soft_data[DATA_LEN];
	unsigned bad, cases, forms, fault;
};

static inline void report(const struct diff *d, const uint8_t *code, unsigned len, const char *what)
{
	char text[96];

	insn_format(code, len, 64, 0, text, sizeof(text));
	print_error("%s: %s; mxcsr %#x -> %#x host %#x, vec %d host %d, flags %#llx host %#llx\n",
		    text, what, ld_le32(d->start.fx + 24), ld_le32(d->soft.fx + 24),
		    ld_le32(d->host.fx + 24), d->soft.vec, d->host.vec,
		    (unsigned long long)d->soft.flags, (unsigned long long)d->host.flags);
	for (unsigned k = 0; k < 416; k += 8)
		if (memcmp(d->soft.fx + k, d->host.fx + k, 8) != 0)
			print_error("  fx+%u %016llx: %016llx host %016llx\n", k,
				    (unsigned long long)ld_le64(d->start.fx + k),
				    (unsigned long long)ld_le64(d->soft.fx + k),
				    (unsigned long long)ld_le64(d->host.fx + k));
	for (unsigned k = 0; k < 16; k++)
		if (k != X86_RSP && d->soft.gpr[k] != d->host.gpr[k])
			print_error("  r%u %016llx: %016llx host %016llx\n", k,
				    (unsigned long long)d->start.gpr[k],
				    (unsigned long long)d->soft.gpr[k],
				    (unsigned long long)d->host.gpr[k]);
}

/* Our transcendentals are not the host's to the last bit: what is that near is made the same. */
static inline void diff_own_ulp(struct diff *d)
{
	for (unsigned at = 32; at < 160; at += 16) {
		uint8_t *h = d->host.fx + at;
		const uint8_t *o = d->soft.fx + at;
		/* Exponent and fraction as one number: the next value is the next number. */
		uint64_t fh = ld_le64(h) << 1, fo = ld_le64(o) << 1;
		int step = ld_le16(h + 8) - ld_le16(o + 8);

		if ((!step && fh - fo + 2 <= 4) || (step == 1 && !fh && fo + 2 == 0) ||
		    (step == -1 && !fo && fh + 2 == 0))
			memcpy(h, o, 10);
	}
	st_le16(d->host.fx + 2, ld_le16(d->host.fx + 2) & 0xfdef);
	st_le16(d->soft.fx + 2, ld_le16(d->soft.fx + 2) & 0xfdef);
}

/* d->start and d->soft_data, the memory at TEST_DATA, are filled in; counts and reports differences. */
static inline void diff_run(struct diff *d, const uint8_t *code, unsigned len,
			    const struct diff_rules *rules)
{
	uint8_t *data = (uint8_t *)(uintptr_t)TEST_DATA;
	struct test_soft *t = &d->t;
	const char *what = NULL;
	struct insn dec;
	jmp_buf env;

	memcpy(data, d->soft_data, DATA_LEN);
	d->host = d->start;
	native_run(&d->host, code, len);
	memcpy(d->host_data, data, DATA_LEN);
	if (ld_le64(d->host.fx + 8) == (uint64_t)(uintptr_t)native_cpu.insn)
		st_le64(d->host.fx + 8, TEST_CODE);

	test_soft_put(t, TEST_DATA, d->soft_data, DATA_LEN);
	to_soft(t->s, &d->start);
	t->s->halted = false;
	test_soft_code(t, code, len);
	d->soft.vec = -1;
	t->s->fault_jmp = &env;
	if (!setjmp(env)) {
		soft_fetch_decode(t->s, &dec);
		soft_execute(t->s, &dec);
	} else {
		d->soft.vec = t->s->fault.vec;
	}
	t->s->fault_jmp = NULL;
	from_soft(t->s, &d->soft);
	assert_int_equal(gmem_read(t->mem, TEST_DATA, d->soft_data, DATA_LEN), 0);
	d->cases++;
	d->fault += d->host.vec >= 0;
	if (rules->own_ulp)
		diff_own_ulp(d);
	if (d->soft.vec != d->host.vec)
		what = "fault";
	else if (!rules->no_vectors && (memcmp(d->soft.fx, d->host.fx, 28) != 0 ||
					memcmp(d->soft.fx + 32, d->host.fx + 32, 384) != 0))
		what = "vector state";
	else if ((d->soft.flags ^ d->host.flags) & rules->flags)
		what = "flags";
	else if (memcmp(d->host_data, d->soft_data, DATA_LEN) != 0)
		what = "memory";
	for (unsigned k = 0; k < 16 && !what; k++)
		if (k != X86_RSP && d->soft.gpr[k] != d->host.gpr[k])
			what = "register";
	if (what) {
		report(d, code, len, what);
		d->bad++;
	}
}

/* NULL: this host has no such CPU or does not let us. */
static inline struct diff *diff_open(void)
{
	struct diff *d = aligned_alloc(16, sizeof(*d));

	assert_non_null(d);
	memset(d, 0, sizeof(*d));
	if (!native_open(TEST_DATA, DATA_LEN)) {
		free(d);
		return NULL;
	}
	test_soft_open(&d->t, X86_LONG);
	return d;
}

static inline void diff_close(struct diff *d)
{
	test_soft_close(&d->t);
	free(d);
}

#endif
#endif
