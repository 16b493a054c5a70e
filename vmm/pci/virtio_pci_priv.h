/* SPDX-License-Identifier: MIT */
/* pci, private: the virtio-pci device; what its two files call of each other. */
#ifndef VIRTIO_PCI_PRIV_H
#define VIRTIO_PCI_PRIV_H

#include <vmm/virtio_pci.h>

struct virtio_pci {
	struct pci_func f;
	struct virtio *v; /* the model; ours to free */
	char cls[32];	  /* "virtio-blk-pci" */
	/* options */
	uint64_t bar64, multiplier, vectors;
	/* what follows from them */
	unsigned cfg_cap;    /* the configuration access capability */
	uint32_t notify_len; /* of the notification structure */
	/* Where each shared memory region is in its BAR, and the end of the last. */
	uint64_t shm_off[VIRTIO_SHMS + 1];
	/* state */
	uint16_t config_vector, queue_vector[VIRTIO_QUEUES];
	/*
	 * 4.1.4.3.1: eight bits of generation would wrap unseen. They count changes that the driver could
	 * see: configuration read, changed, looked at again.
	 */
	uint8_t generation;
	bool generation_read; /* since it last changed */
	uint32_t generation_seen;
};

/* virtio_pci_regs.c: the BAR */
extern const struct dev_reg virtio_pci_regs[];
uint64_t virtio_pci_bar_read(struct pci_func *f, unsigned bar, uint64_t off, unsigned size);
void virtio_pci_bar_write(struct pci_func *f, unsigned bar, uint64_t off, unsigned size,
			  uint64_t val);

#endif
