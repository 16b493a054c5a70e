/* SPDX-License-Identifier: MIT */
/* Reset, save, load, hash and JSON of any device, from its tables. */
#include <errno.h>

#include <vmm/dev.h>

static const struct state_table *part(const struct dev *d, unsigned i, const void **obj)
{
	return d->cls->part ? d->cls->part(d, i, obj) : NULL;
}

void dev_reset(struct dev *d)
{
	state_reset(&d->table, d);
	if (d->cls->reset)
		d->cls->reset(d);
}

int dev_save(const struct dev *d, struct buf *out)
{
	const struct state_table *t;
	const void *obj;
	int rc = state_save(&d->table, d, out);

	for (unsigned i = 0; !rc && (t = part(d, i, &obj)); i++)
		rc = state_save(t, obj, out);
	return rc;
}

static int load_all(struct dev *d, const void *p, size_t len, size_t *used, struct err *err)
{
	const struct state_table *t;
	const void *obj;
	size_t n;
	int rc = state_load(&d->table, d, p, len, &n, err);

	if (rc)
		return rc;
	*used = n;
	for (unsigned i = 0; (t = part(d, i, &obj)); i++) {
		/* part() looks, it does not write: (d) is ours and so is what is in it. */
		rc = state_load(t, (void *)obj, (const char *)p + *used, len - *used, &n, err);
		if (rc)
			return rc;
		*used += n;
	}
	return d->cls->post_load ? d->cls->post_load(d, err) : 0;
}

int dev_load(struct dev *d, const void *p, size_t len, size_t *used, struct err *err)
{
	struct buf old = {0};
	int rc = dev_save(d, &old);

	*used = 0;
	if (rc) {
		buf_free(&old);
		return err_set(err, rc, "device %s: no memory to load its state", d->name);
	}
	rc = load_all(d, p, len, used, err);
	if (rc) {
		size_t n;

		*used = 0;
		if (err)
			err_prefix(err, "device %s", d->name);
		/* What was just saved loads again, unless RAM went away meanwhile. */
		if (load_all(d, old.p, old.len, &n, NULL))
			dev_reset(d);
	}
	buf_free(&old);
	return rc;
}

uint64_t dev_hash(const struct dev *d, uint64_t seed)
{
	const struct state_table *t;
	const void *obj;

	seed = state_hash(&d->table, d, seed);
	for (unsigned i = 0; (t = part(d, i, &obj)); i++)
		seed = state_hash(t, obj, seed);
	return seed;
}

void dev_json(const struct dev *d, struct buf *out)
{
	const struct state_table *t;
	const void *obj;

	buf_printf(out, "{\"%s\":", d->table.name);
	state_json(&d->table, d, out);
	for (unsigned i = 0; (t = part(d, i, &obj)); i++) {
		buf_printf(out, ",\"%s%u\":", t->name, i);
		state_json(t, obj, out);
	}
	buf_put(out, "}", 1);
}
