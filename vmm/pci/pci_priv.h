/* SPDX-License-Identifier: MIT */
/* pci, private: the host bridge's struct, and what its files call of each other. */
#ifndef PCI_PRIV_H
#define PCI_PRIV_H

#include <vmm/pci.h>

struct pci_host {
	struct dev dev;
	struct pci_func *func[PCI_SLOTS];
	uint32_t used;	   /* slots that have one, a bit each */
	uint64_t nr_lines; /* option: 1 or 4 */
	/* state */
	uint32_t address;	  /* CONFIG_ADDRESS */
	uint8_t level[PCI_LINES]; /* of each line */
};

/* host.c: one of the functions on the line of (f) has changed what it drives. */
void pci_host_line(struct pci_host *h, const struct pci_func *f);
/* Functions whose BARs could not be decoded may be able to now. Errors are told for (f) only, NULL: none. */
void pci_host_map(struct pci_host *h, struct pci_func *f);
/* Put back on the bus what is said to be decoded, after a load. */
void pci_host_restore(struct pci_host *h);
void pci_host_unplug(struct pci_host *h, struct pci_func *f);

/* func.c: an aligned access of 1, 2 or 4 bytes to configuration space */
uint32_t pci_func_config_read(struct pci_func *f, unsigned off, unsigned size);
void pci_func_config_write(struct pci_func *f, unsigned off, unsigned size, uint32_t val);
/* What INTx is to be now. */
void pci_func_line(struct pci_func *f);
/* bar.c: take off the bus what is not to be decoded there; put on it what is. */
void pci_func_unmap_changed(struct pci_func *f);
void pci_func_unmap_all(struct pci_func *f);
void pci_func_map(struct pci_func *f, bool tell);
void pci_func_restore(struct pci_func *f);
/* Is the BAR to be decoded, and where? */
bool pci_bar_wanted(const struct pci_func *f, unsigned bar, enum bus_space *space, uint64_t *base);
/* msix.c */
void pci_msix_reset(struct pci_func *f);
void pci_msix_flush(struct pci_func *f); /* send what waits and need not any more */
uint64_t pci_msix_read(struct pci_func *f, uint64_t off, unsigned size);
void pci_msix_write(struct pci_func *f, uint64_t off, unsigned size, uint64_t val);
int pci_msix_post_load(const struct pci_func *f, struct err *err);

#endif
