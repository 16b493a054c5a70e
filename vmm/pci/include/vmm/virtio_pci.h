/* SPDX-License-Identifier: MIT */
/*
 * virtio_pci: any virtio model over PCI, as a modern device (virtio 1.2 section 4.1): vendor 0x1af4,
 * device 0x1040 + its type, revision 1. [hostile: fuzz/targets/virtio_pci.c]
 *
 * One memory BAR (4, 64 bits wide, unless told otherwise) has the common configuration, ISR, device
 * configuration and notifications; BAR 1 has MSI-X. The same registers are reached by the configuration
 * access capability (4.1.4.9), which calls their handler directly and reaches nothing else. A model with
 * shared memory regions has them one after the other in a 64-bit, prefetchable BAR 2, with a capability
 * each (4.1.4.7).
 *
 * What a driver must not do has an outcome, and each leaves a guest error:
 * - a register at another width than its own (64-bit ones: halves of 32): reads 0, a write does nothing;
 *   so do offsets where there is none, and registers of a queue that does not exist
 *   (queue_msix_vector then reads NO_VECTOR);
 * - queue_size: no power of two (packed: 0 and sizes above the maximum): it reads 0 and the queue cannot
 *   be enabled; queue set-up while it is enabled: nothing;
 * - a vector that is not there: NO_VECTOR (4.1.5.1.2.1);
 * - queue_enable: only 1 means something; queue_reset: only 1, and only with RING_RESET;
 * - a notification of another width or of another queue than its address is for: nothing;
 * - anything that needs RAM while the bus master bit is off: the notification is refused, what was
 *   under way waits;
 * - the configuration access capability at a length that is not 1, 2 or 4, an offset that is no multiple
 *   of it, or outside of the virtio structures: reads 0, a write does nothing.
 */
#ifndef VMM_VIRTIO_PCI_H
#define VMM_VIRTIO_PCI_H

#include <vmm/pci.h>
#include <vmm/virtio.h>

#define VIRTIO_PCI_VENDOR    0x1af4u
#define VIRTIO_PCI_DEVICE    0x1040u /* + the device's type */
#define VIRTIO_PCI_BAR	     4u
#define VIRTIO_PCI_MSIX_BAR  1u
#define VIRTIO_PCI_SHM_BAR   2u
#define VIRTIO_PCI_NO_VECTOR 0xffffu
#define VIRTIO_PCI_SUFFIX    "-pci"

/* 4.1.4: cfg_type, and the fields of a capability */
enum virtio_pci_cfg_type {
	VIRTIO_PCI_CAP_COMMON = 1,
	VIRTIO_PCI_CAP_NOTIFY = 2,
	VIRTIO_PCI_CAP_ISR = 3,
	VIRTIO_PCI_CAP_DEVICE = 4,
	VIRTIO_PCI_CAP_PCI_CFG = 5,
	VIRTIO_PCI_CAP_SHARED = 8,
};
#define VIRTIO_PCI_CAP_TYPE   3u
#define VIRTIO_PCI_CAP_BAR    4u
#define VIRTIO_PCI_CAP_ID     5u
#define VIRTIO_PCI_CAP_OFFSET 8u
#define VIRTIO_PCI_CAP_LENGTH 12u
#define VIRTIO_PCI_CAP_LEN    16u
#define VIRTIO_PCI_CAP_EXTRA  16u /* the multiplier; pci_cfg_data */
/* struct virtio_pci_cap64: the upper halves of offset and length */
#define VIRTIO_PCI_CAP_OFFSET_HI 16u
#define VIRTIO_PCI_CAP_LENGTH_HI 20u
#define VIRTIO_PCI_CAP64_LEN	 24u

/* Where the structures are in the BAR. */
#define VIRTIO_PCI_COMMON_OFF 0x0000u
#define VIRTIO_PCI_ISR_OFF    0x1000u
#define VIRTIO_PCI_DEVICE_OFF 0x2000u
#define VIRTIO_PCI_NOTIFY_OFF 0x3000u

/* struct virtio_pci_common_cfg, 4.1.4.3 */
enum virtio_pci_common {
	VIRTIO_PCI_DEVICE_FEATURE_SELECT = 0x00,
	VIRTIO_PCI_DEVICE_FEATURE = 0x04,
	VIRTIO_PCI_DRIVER_FEATURE_SELECT = 0x08,
	VIRTIO_PCI_DRIVER_FEATURE = 0x0c,
	VIRTIO_PCI_CONFIG_MSIX_VECTOR = 0x10,
	VIRTIO_PCI_NUM_QUEUES = 0x12,
	VIRTIO_PCI_DEVICE_STATUS = 0x14,
	VIRTIO_PCI_CONFIG_GENERATION = 0x15,
	VIRTIO_PCI_QUEUE_SELECT = 0x16,
	VIRTIO_PCI_QUEUE_SIZE = 0x18,
	VIRTIO_PCI_QUEUE_MSIX_VECTOR = 0x1a,
	VIRTIO_PCI_QUEUE_ENABLE = 0x1c,
	VIRTIO_PCI_QUEUE_NOTIFY_OFF = 0x1e,
	VIRTIO_PCI_QUEUE_DESC = 0x20,
	VIRTIO_PCI_QUEUE_DRIVER = 0x28,
	VIRTIO_PCI_QUEUE_DEVICE = 0x30,
	VIRTIO_PCI_QUEUE_NOTIFY_DATA = 0x38,
	VIRTIO_PCI_QUEUE_RESET = 0x3a,
	VIRTIO_PCI_COMMON_LEN = 0x3c,
};

/*
 * Make one from "CLASS-pci[,opt=value]...": CLASS is any virtio class of dev_class_find(), whose options
 * it takes but base and irq; its own are slot, bar64, multiplier and vectors. In no slot yet: dev_attach()
 * and pci_plug(). Its state is the function's, then the model's with all its parts.
 * -ENOENT: no such class; -EINVAL: no virtio class, or an option; -ENOMEM.
 */
int virtio_pci_new(struct dev **out, const char *spec, const struct dev_env *env, struct err *err);
/* Does a device's spec say so? */
bool virtio_pci_is_spec(const char *spec);
/* The same for a model whose class is in no list. (opts) may be NULL. */
int virtio_pci_new_class(struct dev **out, const struct dev_class *model, const char *opts,
			 const struct dev_env *env, struct err *err);
/*
 * The same for a model that is there already, on no bus and not used yet: it is the device's from now on.
 * (opts): slot, bar64, multiplier, vectors; may be NULL.
 */
int virtio_pci_wrap(struct dev **out, struct dev *model, const char *opts,
		    const struct dev_env *env, struct err *err);
/* The model behind it; NULL: (d) is no virtio-pci device. */
struct virtio *virtio_pci_model(struct dev *d);

#endif
