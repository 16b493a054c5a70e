/* SPDX-License-Identifier: MIT */
/*
 * virtio-pci: the device: a model by its class, left off the bus, behind a PCI function with the
 * capabilities of virtio 1.2 section 4.1.4; its interrupts (4.1.5); the configuration access
 * capability (4.1.4.9).
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "virtio_pci_priv.h"

#define SUBSYSTEM      0x1100u /* 4.1.2.1: 0x40 or higher */
#define REVISION       1u
#define DEVICE_CFG_MAX (VIRTIO_PCI_NOTIFY_OFF - VIRTIO_PCI_DEVICE_OFF)
#define NOTIFY_MIN     4u

static struct virtio_pci *of(struct dev *d)
{
	return container_of(d, struct virtio_pci, f.dev);
}

/* ---- interrupts ---------------------------------------------------------------------------------- */

static bool message(void *ctx, uint32_t what)
{
	struct virtio_pci *p = ctx;
	uint16_t vector = what == VIRTIO_CONFIG_CHANGED ? p->config_vector : p->queue_vector[what];

	if (!pci_msix_enabled(&p->f))
		return false;
	if (vector != VIRTIO_PCI_NO_VECTOR)
		pci_msix_send(&p->f, vector);
	/* 4.1.4.5.1: ISR tells of configuration changes with MSI-X too; the pin does not. */
	return what != VIRTIO_CONFIG_CHANGED;
}

static void forget_vectors(void *ctx)
{
	struct virtio_pci *p = ctx;

	p->config_vector = VIRTIO_PCI_NO_VECTOR;
	for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
		p->queue_vector[i] = VIRTIO_PCI_NO_VECTOR;
	p->generation = 0;
	p->generation_read = false;
	p->generation_seen = 0;
	pci_msix_forget(&p->f);
}

static const struct virtio_transport transport = {message, forget_vectors};

static void model_line(void *ctx, unsigned line, int level)
{
	struct virtio_pci *p = ctx;

	(void)line;
	pci_intx(&p->f, level);
}

/* ---- the configuration access capability, 4.1.4.9 ------------------------------------------------- */

/* Does [off, off + size) reach pci_cfg_data, and do the capability's fields say where in the BAR? */
static bool cfg_access(struct virtio_pci *p, unsigned off, unsigned size, unsigned *bar,
		       uint32_t *at, unsigned *len)
{
	const uint8_t *cap = p->f.config + p->cfg_cap;
	uint32_t want = ld_le32(cap + VIRTIO_PCI_CAP_LENGTH);
	unsigned in = cap[VIRTIO_PCI_CAP_BAR];

	if (!range_overlaps(off, size, p->cfg_cap + VIRTIO_PCI_CAP_EXTRA, 4))
		return false;
	*at = ld_le32(cap + VIRTIO_PCI_CAP_OFFSET);
	*len = want;
	*bar = in;
	if ((want == 1 || want == 2 || want == 4) && *at % want == 0 &&
	    (in == VIRTIO_PCI_BAR || in == VIRTIO_PCI_SHM_BAR) &&
	    range_within(*at, want, 0, p->f.bar[in].len))
		return true;
	*len = 0;
	dev_guest_error(&p->f.dev, "virtio-pci: configuration access to no structure", *at, want);
	return true;
}

static void config_read(struct pci_func *f, unsigned off, unsigned size)
{
	struct virtio_pci *p = container_of(f, struct virtio_pci, f);
	uint8_t *data = f->config + p->cfg_cap + VIRTIO_PCI_CAP_EXTRA;
	unsigned bar, len;
	uint32_t at;

	if (!cfg_access(p, off, size, &bar, &at, &len))
		return;
	if (len)
		st_le(data, len, virtio_pci_bar_read(f, bar, at, len));
	else
		st_le32(data, 0);
}

static void config_written(struct pci_func *f, unsigned off, unsigned size)
{
	struct virtio_pci *p = container_of(f, struct virtio_pci, f);
	unsigned bar, len;
	uint32_t at;

	if (cfg_access(p, off, size, &bar, &at, &len) && len)
		virtio_pci_bar_write(f, bar, at, len,
				     ld_le(f->config + p->cfg_cap + VIRTIO_PCI_CAP_EXTRA, len));
}

static void master(struct pci_func *f, bool on)
{
	struct virtio_pci *p = container_of(f, struct virtio_pci, f);

	virtio_stop(p->v, !on);
}

static const struct pci_func_ops ops = {virtio_pci_bar_read, virtio_pci_bar_write, config_read,
					config_written, master};

/* ---- capabilities ---------------------------------------------------------------------------------- */

static unsigned add_cap(struct virtio_pci *p, enum virtio_pci_cfg_type type, uint32_t off,
			uint32_t len, const uint32_t *extra)
{
	const bool cfg = type == VIRTIO_PCI_CAP_PCI_CFG;
	uint8_t c[VIRTIO_PCI_CAP_LEN + 4] = {0}, w[sizeof(c)] = {0};
	unsigned cap_len = VIRTIO_PCI_CAP_LEN + (extra ? 4 : 0), at;

	c[2] = (uint8_t)cap_len;
	c[VIRTIO_PCI_CAP_TYPE] = (uint8_t)type;
	c[VIRTIO_PCI_CAP_BAR] = cfg ? 0 : VIRTIO_PCI_BAR;
	st_le32(c + VIRTIO_PCI_CAP_OFFSET, off);
	st_le32(c + VIRTIO_PCI_CAP_LENGTH, len);
	if (extra)
		st_le32(c + VIRTIO_PCI_CAP_EXTRA, *extra);
	if (cfg) {
		w[VIRTIO_PCI_CAP_BAR] = 0xff;
		memset(w + VIRTIO_PCI_CAP_OFFSET, 0xff, 12); /* offset, length, data */
	}
	at = pci_cap_add(&p->f, PCI_CAP_VENDOR, c + 2, w + 2, cap_len);
	assert(at);
	return at;
}

/* 4.1.4.7: a region's place in its BAR. */
static void add_shm_cap(struct virtio_pci *p, uint8_t id, uint64_t off, uint64_t len)
{
	uint8_t c[VIRTIO_PCI_CAP64_LEN] = {0};
	unsigned at;

	c[2] = sizeof(c);
	c[VIRTIO_PCI_CAP_TYPE] = VIRTIO_PCI_CAP_SHARED;
	c[VIRTIO_PCI_CAP_BAR] = VIRTIO_PCI_SHM_BAR;
	c[VIRTIO_PCI_CAP_ID] = id;
	st_le32(c + VIRTIO_PCI_CAP_OFFSET, (uint32_t)off);
	st_le32(c + VIRTIO_PCI_CAP_OFFSET_HI, (uint32_t)(off >> 32));
	st_le32(c + VIRTIO_PCI_CAP_LENGTH, (uint32_t)len);
	st_le32(c + VIRTIO_PCI_CAP_LENGTH_HI, (uint32_t)(len >> 32));
	at = pci_cap_add(&p->f, PCI_CAP_VENDOR, c + 2, NULL, sizeof(c));
	assert(at);
	(void)at;
}

static void add_shm(struct virtio_pci *p)
{
	const struct virtio_class *vc = p->v->vc;
	uint64_t bar = VIRTIO_SHM_PAGE, len;

	for (unsigned i = 0; i < vc->nr_shm; i++) {
		(void)virtio_shm(p->v, i, &len);
		p->shm_off[i + 1] = p->shm_off[i] + len;
		add_shm_cap(p, vc->shm_id[i], p->shm_off[i], len);
	}
	while (bar < p->shm_off[vc->nr_shm])
		bar *= 2;
	if (vc->nr_shm)
		pci_bar_add(&p->f, VIRTIO_PCI_SHM_BAR, bar, PCI_BAR_64 | PCI_BAR_PREFETCH);
}

static void build(struct virtio_pci *p)
{
	static const struct {
		uint32_t device, class_code;
	} codes[] = {{1, 0x020000}, {2, 0x010000}, {3, 0x078000}, {19, 0x078000}};
	struct virtio *v = p->v;
	struct pci_ident id = {.vendor = VIRTIO_PCI_VENDOR,
			       .device = (uint16_t)(VIRTIO_PCI_DEVICE + v->vc->device_id),
			       .subsystem_vendor = VIRTIO_PCI_VENDOR,
			       .subsystem = SUBSYSTEM,
			       .revision = REVISION,
			       .class_code = 0x00ff00,
			       .pin = 1};
	const uint32_t multiplier = (uint32_t)p->multiplier, none = 0;
	uint64_t len = VIRTIO_PCI_DEVICE_OFF;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].device == v->vc->device_id)
			id.class_code = codes[i].class_code;
	p->notify_len = v->nr_queues * multiplier;
	if (p->notify_len < NOTIFY_MIN)
		p->notify_len = NOTIFY_MIN;
	while (len < VIRTIO_PCI_NOTIFY_OFF + (uint64_t)p->notify_len)
		len *= 2;
	if (p->vectors > PCI_VECTORS)
		p->vectors = v->nr_queues + 1 < PCI_VECTORS ? v->nr_queues + 1 : PCI_VECTORS;

	pci_func_init(&p->f, &id, &ops);
	pci_bar_add(&p->f, VIRTIO_PCI_BAR, len, p->bar64 ? PCI_BAR_64 : 0);
	add_cap(p, VIRTIO_PCI_CAP_COMMON, VIRTIO_PCI_COMMON_OFF, VIRTIO_PCI_COMMON_LEN, NULL);
	add_cap(p, VIRTIO_PCI_CAP_ISR, VIRTIO_PCI_ISR_OFF, 1, NULL);
	if (v->vc->config_len)
		add_cap(p, VIRTIO_PCI_CAP_DEVICE, VIRTIO_PCI_DEVICE_OFF, v->vc->config_len, NULL);
	add_cap(p, VIRTIO_PCI_CAP_NOTIFY, VIRTIO_PCI_NOTIFY_OFF, p->notify_len, &multiplier);
	p->cfg_cap = add_cap(p, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, &none);
	add_shm(p);
	if (p->vectors)
		pci_msix_add(&p->f, VIRTIO_PCI_MSIX_BAR, (unsigned)p->vectors);
}

/* ---- the class -------------------------------------------------------------------------------------- */

static const struct state_table *part(const struct dev *d, unsigned i, const void **obj)
{
	const struct virtio_pci *p = container_of(d, const struct virtio_pci, f.dev);
	const struct dev *m = &p->v->dev;

	if (!p->v)
		return NULL;
	if (!i) {
		*obj = m;
		return &m->table;
	}
	return m->cls->part ? m->cls->part(m, i - 1, obj) : NULL;
}

static void reset(struct dev *d)
{
	pci_func_reset(d);
	dev_reset(&of(d)->v->dev);
	virtio_stop(of(d)->v, true);
}

static int post_load(struct dev *d, struct err *err)
{
	struct virtio_pci *p = of(d);
	struct dev *m = &p->v->dev;
	bool bad = p->config_vector != VIRTIO_PCI_NO_VECTOR && p->config_vector >= p->f.nr_vectors;
	int rc;

	for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
		bad |= p->queue_vector[i] != VIRTIO_PCI_NO_VECTOR &&
		       (p->queue_vector[i] >= p->f.nr_vectors || i >= p->v->nr_queues);
	if (bad)
		return err_set(err, -EINVAL, "virtio-pci: a saved vector is not there");
	if (p->f.intx != p->v->irq_level)
		return err_set(err, -EINVAL, "virtio-pci: saved interrupts contradict each other");
	rc = pci_func_post_load(d, err);
	if (!rc && m->cls->post_load)
		rc = m->cls->post_load(m, err);
	if (!rc)
		virtio_stop(p->v, !pci_is_master(&p->f));
	return rc;
}

static void fini(struct dev *d)
{
	struct virtio_pci *p = of(d);

	pci_func_fini(d);
	if (p->v)
		dev_free(&p->v->dev);
}

static const struct dev_opt opts[] = {
	PCI_FUNC_OPTS,
	{"bar64", "1: its registers are in a 64-bit BAR", offsetof(struct virtio_pci, bar64), 1, 0,
	 1},
	{"multiplier", "bytes between the notification addresses of two queues: 0, or 4 to 4096",
	 offsetof(struct virtio_pci, multiplier), 4, 0, 4096},
	{"vectors", "of MSI-X, 0: none; one a queue and one more unless given",
	 offsetof(struct virtio_pci, vectors), UINT64_MAX, 0, PCI_VECTORS},
	{0},
};

static const struct state_field fields[] = {
	PCI_FUNC_STATE_FIELDS,
	STATE_U(struct virtio_pci, config_vector, VIRTIO_PCI_NO_VECTOR),
	STATE_ARR(struct virtio_pci, queue_vector, VIRTIO_PCI_NO_VECTOR),
	STATE_U(struct virtio_pci, generation, 0),
	STATE_B(struct virtio_pci, generation_read, 0),
	STATE_U(struct virtio_pci, generation_seen, 0),
	STATE_END,
};

static const struct dev_class dev_class = {
	.name = "virtio-pci",
	.help = "a virtio device over PCI",
	.size = sizeof(struct virtio_pci),
	.version = 1,
	.opts = opts,
	.regs = virtio_pci_regs,
	.state = fields,
	.read = pci_func_read,
	.write = pci_func_write,
	.reset = reset,
	.part = part,
	.post_load = post_load,
	.fini = fini,
};

struct virtio *virtio_pci_model(struct dev *d)
{
	return d->cls == &dev_class ? of(d)->v : NULL;
}

/* ---- making one ---------------------------------------------------------------------------------------- */

#define TEXT_MAX 256u

static bool is_own(const char *opt, size_t len)
{
	for (const struct dev_opt *o = opts; o->name; o++)
		if (strlen(o->name) == len && !strncmp(o->name, opt, len))
			return true;
	return false;
}

/* Options that are ours, and those of the model. Who reads them judges them. */
static int split(const char *text, const char *name, char own[TEXT_MAX], char rest[TEXT_MAX],
		 struct err *err)
{
	own[0] = '\0';
	rest[0] = '\0';
	if (strlen(text) >= TEXT_MAX)
		return err_set(err, -EINVAL, "device %s: over %u bytes of options", name, TEXT_MAX);
	while (*text) {
		size_t len = strcspn(text, ","), word = strcspn(text, "=,");
		char *to = is_own(text, word) ? own : rest;

		if ((word == 3 && !strncmp(text, "irq", 3)) || !strncmp(text, "base", 4))
			return err_set(err, -EINVAL,
				       "device %s: no option '%.*s' over PCI: its BARs and its "
				       "line are the bus's",
				       name, (int)word, text);
		(void)snprintf(to + strlen(to), TEXT_MAX - strlen(to), "%s%.*s", *to ? "," : "",
			       (int)len, text);
		text += len;
		if (*text == ',' && !*++text)
			return err_set(err, -EINVAL, "device %s: no option follows the comma",
				       name);
	}
	return 0;
}

static int check_multiplier(const struct virtio_pci *p, const char *name, struct err *err)
{
	if (!p->multiplier ||
	    (p->multiplier >= NOTIFY_MIN && !(p->multiplier & (p->multiplier - 1))))
		return 0;
	return err_set(err, -EINVAL,
		       "device %s: option multiplier: %" PRIu64
		       " is not 0 nor a power of two from 4 to 4096",
		       name, p->multiplier);
}

int virtio_pci_wrap(struct dev **out, struct dev *model, const char *own, const struct dev_env *env,
		    struct err *err)
{
	char name[32];
	struct virtio_pci *p;
	struct dev *d;
	int rc;

	*out = NULL;
	(void)snprintf(name, sizeof(name), "%.27s" VIRTIO_PCI_SUFFIX, model->cls->name);
	rc = dev_new_class(&d, &dev_class, own, env, err);
	if (rc)
		return rc;
	p = of(d);
	rc = check_multiplier(p, name, err);
	if (rc) {
		dev_free(d);
		return rc;
	}
	p->v = container_of(model, struct virtio, dev);
	assert(p->v->vc->config_len <= DEVICE_CFG_MAX);
	memcpy(p->cls, name, sizeof(p->cls));
	d->table.name = p->cls;
	(void)snprintf(d->name, sizeof(d->name), "%.22s0", p->cls);
	build(p);
	model->irq = (struct irq){.set = model_line, .ctx = p};
	virtio_set_transport(p->v, &transport, p);
	dev_reset(d);
	*out = d;
	return 0;
}

int virtio_pci_new_class(struct dev **out, const struct dev_class *model, const char *opt_text,
			 const struct dev_env *env, struct err *err)
{
	char own[TEXT_MAX], rest[TEXT_MAX], name[32];
	struct dev_env model_env = *env;
	struct dev *m;
	int rc;

	*out = NULL;
	(void)snprintf(name, sizeof(name), "%.27s" VIRTIO_PCI_SUFFIX, model->name);
	/* Every virtio model speaks virtio-mmio by itself. */
	if (model->read != virtio_mmio_read)
		return err_set(err, -EINVAL, "device %s: %s is no virtio device", name,
			       model->name);
	rc = split(opt_text ? opt_text : "", name, own, rest, err);
	if (rc)
		return rc;
	model_env.irq = (struct irq){0};
	rc = dev_new_class(&m, model, rest, &model_env, err);
	if (rc)
		return rc;
	rc = virtio_pci_wrap(out, m, own, env, err);
	if (rc)
		dev_free(m);
	return rc;
}
