/* SPDX-License-Identifier: MIT */
/*
 * Shared memory regions (virtio 1.2 section 2.10): memory of the device's own, which the driver reads and
 * writes where the transport says. It is no RAM of the machine: no queue or buffer can lie in it.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "virtio_priv.h"

struct page {
	uint8_t bytes[VIRTIO_SHM_PAGE];
};
static const struct state_field page_fields[] = {STATE_RAW(struct page, bytes), STATE_END};
static const struct state_table page_table = {"shm_page", 1, page_fields};

static const struct state_field sel_fields[] = {STATE_U(struct virtio, shm_sel, 0), STATE_END};
static const struct state_table sel_table = {"shm", 1, sel_fields};

static uint64_t length(const struct virtio *v, unsigned region)
{
	return v->dev.cls->ranges[1 + region].len;
}

static uint64_t all(const struct virtio *v)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < v->vc->nr_shm; i++)
		sum += length(v, i);
	return sum;
}

int virtio_shm_init(struct virtio *v, struct err *err)
{
	if (!v->vc->nr_shm)
		return 0;
	assert(v->vc->nr_shm <= VIRTIO_SHMS && v->dev.nr_ranges == 1 + v->vc->nr_shm);
	for (unsigned i = 0; i < v->vc->nr_shm; i++)
		assert(length(v, i) && length(v, i) % VIRTIO_SHM_PAGE == 0 &&
		       v->dev.cls->ranges[1 + i].space == BUS_MMIO);
	assert(all(v) <= VIRTIO_SHM_MAX);
	v->shm = calloc(1, (size_t)all(v));
	if (!v->shm)
		return err_set(err, -ENOMEM,
			       "device %s: no memory for its shared regions: free some",
			       v->dev.cls->name);
	return 0;
}

void virtio_shm_fini(struct virtio *v)
{
	free(v->shm);
	v->shm = NULL;
}

void virtio_shm_reset(struct virtio *v)
{
	v->shm_sel = 0;
	if (v->shm)
		memset(v->shm, 0, (size_t)all(v));
}

const struct state_table *virtio_shm_part(const struct virtio *v, unsigned i, const void **obj)
{
	if (!v->shm)
		return NULL;
	if (!i) {
		*obj = v;
		return &sel_table;
	}
	if (i > all(v) / VIRTIO_SHM_PAGE)
		return NULL;
	*obj = v->shm + (size_t)(i - 1) * VIRTIO_SHM_PAGE;
	return &page_table;
}

uint8_t *virtio_shm(struct virtio *v, unsigned region, uint64_t *len)
{
	uint8_t *p = v->shm;

	if (region >= v->vc->nr_shm)
		return NULL;
	for (unsigned i = 0; i < region; i++)
		p += length(v, i);
	*len = length(v, region);
	return p;
}

int virtio_shm_find(const struct virtio *v, uint32_t id)
{
	for (unsigned i = 0; i < v->vc->nr_shm; i++)
		if (v->vc->shm_id[i] == id)
			return (int)i;
	return -1;
}

uint64_t virtio_shm_read(struct virtio *v, unsigned region, uint64_t off, unsigned size)
{
	uint64_t len;
	const uint8_t *p = virtio_shm(v, region, &len);

	return p && range_within(off, size, 0, len) ? ld_le(p + off, size) : size_mask(size);
}

void virtio_shm_write(struct virtio *v, unsigned region, uint64_t off, unsigned size, uint64_t val)
{
	uint64_t len;
	uint8_t *p = virtio_shm(v, region, &len);

	if (p && range_within(off, size, 0, len))
		st_le(p + off, size, val);
}
