/* SPDX-License-Identifier: MIT */
/* The PIT against a counter that counts, one CLK pulse after the other, whatever is written when. */
#include "test_pit.h"

/* The 8254's counter as DS "Mode definitions" tells it, one CLK pulse after the other. */
struct ref {
	unsigned mode;
	bool bcd, gate, out, null, has_count;
	bool load, trigger; /* at the next pulse */
	bool counting;	    /* a count was loaded and nothing but the gate holds it */
	bool armed;	    /* the terminal count is still to come */
	uint32_t n, cr, ce;
};

static uint32_t ref_modulus(const struct ref *r)
{
	return r->bcd ? 10000 : 65536;
}

static void ref_program(struct ref *r, unsigned mode, bool bcd)
{
	*r = (struct ref){.mode = mode,
			  .bcd = bcd,
			  .gate = r->gate,
			  .out = mode != 0,
			  .null = true,
			  .ce = r->ce % ref_modulus(r)};
}

static void ref_first_byte(struct ref *r)
{
	if (r->mode != 0)
		return;
	r->out = r->counting = r->load = r->has_count = false;
}

static void ref_count(struct ref *r, uint32_t n)
{
	ref_first_byte(r);
	if (r->mode == 0 || r->mode == 4 || (r->mode != 1 && r->mode != 5 && !r->has_count))
		r->load = true;
	r->cr = n;
	r->has_count = r->null = true;
}

static void ref_gate(struct ref *r, bool level)
{
	if (level && !r->gate && r->has_count && r->mode != 0 && r->mode != 4)
		r->trigger = true;
	if (!level && (r->mode == 2 || r->mode == 3))
		r->out = true;
	r->gate = level;
}

static void ref_load(struct ref *r)
{
	r->n = r->cr;
	r->ce = r->mode == 3 ? r->n & ~1u : r->n;
	r->null = false;
}

static void ref_pulse(struct ref *r)
{
	uint32_t m = ref_modulus(r);

	if (r->mode >= 4 && !r->out)
		r->out = true;
	if (r->load || r->trigger) {
		ref_load(r);
		r->load = r->trigger = false;
		r->counting = r->armed = true;
		r->out = r->mode >= 2;
		return;
	}
	if (!r->counting || (!r->gate && r->mode != 1 && r->mode != 5))
		return;
	if (r->mode == 2) {
		r->out = true;
		if (r->ce == 1)
			ref_load(r);
		else if (--r->ce == 1)
			r->out = false;
		return;
	}
	if (r->mode == 3) {
		bool extra = r->out && (r->n & 1) && r->ce;

		r->ce -= r->ce ? 2 : 0;
		if (!r->ce && !extra) {
			r->out = !r->out;
			ref_load(r);
		}
		return;
	}
	r->ce = (r->ce + m - 1) % m;
	if (r->ce || !r->armed)
		return;
	r->armed = false;
	r->out = r->mode < 4;
}

static uint16_t ref_coded(const struct ref *r)
{
	uint32_t n = r->ce % ref_modulus(r);

	return (uint16_t)(r->bcd ? n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10
				 : n);
}

static void as_it_counts(struct machine *m, unsigned counter, uint64_t seed)
{
	struct rng rng = {seed};
	struct ref r = {.gate = counter == 0, .null = true};
	bool half = false; /* of the count (n), which is not written whole */
	uint32_t n = 0, code;

	outb(m, CTRL, (uint8_t)(counter << 6 | BOTH));
	for (uint64_t pulse = 1; pulse < 3000; pulse++) {
		uint64_t what = rng_next(&rng), jump = 1;

		until(m, pulse);
		ref_pulse(&r);
		if (what % 64 == 0) {
			ref_program(&r, (what >> 8) % 6, what >> 16 & 1);
			program(m, counter, BOTH, r.mode, r.bcd);
			half = false;
		} else if (half && what % 3 == 0) {
			code = r.bcd ? n / 1000 % 10 << 4 | n / 100 % 10 : n >> 8;
			outb(m, (uint16_t)(C0 + counter), (uint8_t)code);
			ref_count(&r, n);
			half = false;
		} else if (!half && what % 16 == 1) {
			n = (what >> 8) % 64 ? 2 + (what >> 16) % 9 : ref_modulus(&r);
			code = r.bcd ? n / 10 % 10 << 4 | n % 10 : n;
			outb(m, (uint16_t)(C0 + counter), (uint8_t)code);
			ref_first_byte(&r);
			half = true;
		}
		if (counter == 2 && (what >> 32) % 8 == 0) {
			outb(m, PORT_B, what >> 40 & 1);
			ref_gate(&r, what >> 40 & 1);
		}
		if (out(m, counter) != r.out || value(m, counter) != ref_coded(&r) ||
		    null_count(m, counter) != r.null)
			fail_msg(
				"counter %u, seed %u, pulse %u: mode %u, OUT %d, count %x, null %d; "
				"it should be OUT %d, count %x, null %d",
				counter, (unsigned)seed, (unsigned)pulse, r.mode, out(m, counter),
				value(m, counter), null_count(m, counter), r.out, ref_coded(&r),
				r.null);
		/* At times nobody looks for long. */
		if ((what >> 48) % 100 == 0)
			jump = (what >> 56) * 3;
		for (; jump > 1; jump--, pulse++)
			ref_pulse(&r);
	}
}

static void like_a_counter_that_counts(void **state)
{
	struct machine *m = *state;

	for (uint64_t seed = 0; seed < 40; seed++) {
		struct dev *d = machine_add(m, "pit");

		as_it_counts(m, seed & 1 ? 2 : 0, seed);
		dev_free(d);
		m->clock.now = 0;
		m->lines = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(like_a_counter_that_counts),
	};

	return cmocka_run_group_tests_name("pit-model", tests, NULL, NULL);
}
