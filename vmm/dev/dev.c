/* SPDX-License-Identifier: MIT */
/* Classes become instances: options, wiring, ranges on the bus, accesses. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmm/dev.h>

/* ---- options --------------------------------------------------------------------------------- */

#define NAME_MAX_LEN  32
#define VALUE_MAX_LEN 32

/* The option `base`, `base1`, ... of which range? -1: none of them. */
static int base_index(const struct dev *d, const char *name)
{
	char want[16] = "base";

	for (unsigned i = 0; i < d->nr_ranges; i++) {
		if (i)
			(void)snprintf(want, sizeof(want), "base%u", i);
		if (!strcmp(name, want))
			return (int)i;
	}
	return -1;
}

static int unknown_option(const struct dev *d, const char *name, struct err *err)
{
	const struct dev_opt *o = d->cls->opts;
	struct err list = {0};

	if (d->nr_ranges)
		err_set(&list, -EINVAL, " base");
	for (unsigned i = 1; i < d->nr_ranges; i++)
		err_set(&list, -EINVAL, "%s base%u", list.msg, i);
	for (; o && o->name; o++)
		err_set(&list, -EINVAL, "%s %s", list.msg, o->name);
	return err_set(err, -EINVAL, "device %s: no option '%s': it has%s", d->cls->name, name,
		       list.msg[0] ? list.msg : " none");
}

static int set_option(struct dev *d, const char *name, const char *value, struct err *err)
{
	const struct dev_opt *o = d->cls->opts;
	int base = base_index(d, name);
	uint64_t v;

	while (o && o->name && strcmp(o->name, name) != 0)
		o++;
	if (base < 0 && (!o || !o->name))
		return unknown_option(d, name, err);
	if (parse_u64(value, &v))
		return err_set(
			err, -EINVAL,
			"device %s: option %s: '%s' is not a number: write decimal or 0x hex",
			d->cls->name, name, value);
	if (base >= 0) {
		d->range[base].base = v;
		return 0;
	}
	if (v < o->min || v > o->max)
		return err_set(err, -EINVAL,
			       "device %s: option %s: 0x%" PRIx64 " is not from 0x%" PRIx64
			       " to 0x%" PRIx64,
			       d->cls->name, name, v, o->min, o->max);
	memcpy((char *)d + o->off, &v, sizeof(v));
	return 0;
}

/* Copy up to one of (ends) or the end of text; NULL: it does not fit. */
static const char *take_word(const char *s, const char *ends, char *out, size_t len)
{
	size_t n = strcspn(s, ends);

	if (n >= len)
		return NULL;
	memcpy(out, s, n);
	out[n] = '\0';
	return s + n;
}

static int parse_options(struct dev *d, const char *s, struct err *err)
{
	char name[NAME_MAX_LEN], value[VALUE_MAX_LEN];
	const char *p = s;
	int rc;

	for (;;) {
		p = take_word(p, "=,", name, sizeof(name));
		if (!p || *p != '=' || !name[0])
			break;
		p = take_word(p + 1, ",", value, sizeof(value));
		if (!p)
			break;
		rc = set_option(d, name, value, err);
		if (rc || !*p)
			return rc;
		p++; /* the comma: another one must follow */
	}
	return err_set(err, -EINVAL,
		       "device %s: options '%.80s' do not parse: write name=value[,name=value]...",
		       d->cls->name, s);
}

/* ---- making and wiring ----------------------------------------------------------------------- */

static void defaults(struct dev *d)
{
	const struct dev_range *r = d->cls->ranges;

	d->irq_line = DEV_NO_IRQ;
	for (const struct dev_opt *o = d->cls->opts; o && o->name; o++)
		memcpy((char *)d + o->off, &o->def, sizeof(o->def));
	for (; r && r->name && d->nr_ranges < DEV_RANGES; r++) {
		d->range[d->nr_ranges].dev = d;
		d->range[d->nr_ranges].index = d->nr_ranges;
		d->range[d->nr_ranges].base = r->base;
		d->range[d->nr_ranges].id = -1;
		d->nr_ranges++;
	}
	assert(!r || !r->name); /* a class with more ranges than DEV_RANGES is our bug */
}

int dev_new_class(struct dev **out, const struct dev_class *cls, const char *opts,
		  const struct dev_env *env, struct err *err)
{
	struct dev *d;
	int rc;

	*out = NULL;
	assert(cls->size >= sizeof(*d) && cls->read && cls->write);
	d = calloc(1, cls->size);
	if (!d)
		return err_set(err, -ENOMEM, "device %s: no memory for %zu bytes", cls->name,
			       cls->size);
	d->cls = cls;
	d->env = *env;
	d->table = (struct state_table){cls->name, cls->version, cls->state};
	(void)snprintf(d->name, sizeof(d->name), "%.20s0", cls->name);
	defaults(d);
	rc = opts && *opts ? parse_options(d, opts, err) : 0;
	if (rc) {
		free(d);
		return rc;
	}
	if (d->irq_line != DEV_NO_IRQ) {
		d->irq = env->irq;
		d->irq.line = (unsigned)d->irq_line;
	}
	state_reset(&d->table, d);
	rc = cls->init ? cls->init(d, err) : 0;
	if (rc) {
		dev_free(d);
		return rc;
	}
	*out = d;
	return 0;
}

void dev_free(struct dev *d)
{
	if (!d)
		return;
	if (d->bus)
		dev_detach(d, d->bus);
	if (d->cls->fini)
		d->cls->fini(d);
	free(d);
}

const struct stats_entry dev_stats_table[] = {
	STATS_C(struct dev_stats, reads, "reads of its registers", ""),
	STATS_C(struct dev_stats, writes, "writes to them", ""),
	STATS_C(struct dev_stats, guest_errors, "what the guest did and must not", ""),
	STATS_C(struct dev_stats, interrupts, "interrupts, by line or message (virtio)", ""),
	STATS_END,
};

/* ---- accesses -------------------------------------------------------------------------------- */

static uint64_t model_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	uint64_t val;

	assert(!d->busy && "dev: a device was re-entered while it handled an access");
	d->busy = true;
	d->stats.reads++;
	val = d->cls->read(d, range, off, size);
	d->busy = false;
	return val;
}

static void model_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	assert(!d->busy && "dev: a device was re-entered while it handled an access");
	d->busy = true;
	d->stats.writes++;
	d->cls->write(d, range, off, size, val);
	d->busy = false;
}

static uint64_t range_read(void *ctx, uint64_t off, unsigned size)
{
	const struct dev_range_ref *r = ctx;

	return model_read(r->dev, r->index, off, size);
}

static void range_write(void *ctx, uint64_t off, unsigned size, uint64_t val)
{
	const struct dev_range_ref *r = ctx;

	model_write(r->dev, r->index, off, size, val);
}

static const struct bus_ops range_ops = {range_read, range_write};

int dev_attach(struct dev *d, struct bus *bus, struct err *err)
{
	assert(!d->bus);
	d->bus = bus;
	for (unsigned i = 0; i < d->nr_ranges; i++) {
		const struct dev_range *r = &d->cls->ranges[i];
		int id = bus_add(bus, r->space, d->range[i].base, r->len, &range_ops, &d->range[i],
				 err);

		if (id < 0) {
			dev_detach(d, bus);
			if (err)
				err_prefix(err, "device %s, range %s", d->name, r->name);
			return id;
		}
		d->range[i].id = id;
	}
	return 0;
}

void dev_detach(struct dev *d, struct bus *bus)
{
	for (unsigned i = 0; i < d->nr_ranges; i++) {
		if (d->range[i].id >= 0)
			(void)bus_remove(bus, d->range[i].id);
		d->range[i].id = -1;
	}
	d->bus = NULL;
}

/* The largest piece the bus would make of the (left) bytes that are in the range. */
static unsigned piece_size(uint64_t left, bool whole)
{
	if (whole && left == 8)
		return 8;
	return left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/* How many of (size) bytes from (off) are in the range. */
static unsigned bytes_in(const struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	uint64_t len = d->cls->ranges[range].len;

	assert(range < d->nr_ranges && size >= 1 && size <= 8);
	if (off >= len)
		return 0;
	return len - off < size ? (unsigned)(len - off) : size;
}

uint64_t dev_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	unsigned in = bytes_in(d, range, off, size), n;
	uint64_t val = size_mask(size);

	if (d->cls->ranges[range].space == BUS_MSR)
		return off < d->cls->ranges[range].len ? model_read(d, range, off, 8) : UINT64_MAX;
	for (unsigned done = 0; done < in; done += n) {
		uint64_t v;

		assert(done < 8);
		n = piece_size(in - done, in == size);
		v = model_read(d, range, off + done, n) & size_mask(n);
		val &= ~(size_mask(n) << (8 * done));
		val |= v << (8 * done);
	}
	return val;
}

void dev_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	unsigned in = bytes_in(d, range, off, size), n;

	if (d->cls->ranges[range].space == BUS_MSR) {
		if (off < d->cls->ranges[range].len)
			model_write(d, range, off, 8, val);
		return;
	}
	for (unsigned done = 0; done < in; done += n) {
		assert(done < 8);
		n = piece_size(in - done, in == size);
		model_write(d, range, off + done, n, val >> (8 * done) & size_mask(n));
	}
}

const struct dev_reg *dev_reg_find(const struct dev_class *cls, unsigned range, uint64_t off)
{
	for (const struct dev_reg *r = cls->regs; r && r->name; r++) {
		if (r->range == range && off >= r->off && off - r->off < r->width)
			return r;
	}
	return NULL;
}

void dev_guest_error(struct dev *d, const char *text, uint64_t addr, uint64_t val)
{
	d->stats.guest_errors++;
	trace_note(d->env.trace, TRACE_DEV, 0, addr, val, text);
}
