/* SPDX-License-Identifier: MIT */
/*
 * virtio-pci by a spec: the class by its name. Apart, for it takes the table of all classes along, which
 * whoever has the class does not want.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "virtio_pci_priv.h"

bool virtio_pci_is_spec(const char *spec)
{
	size_t len = strcspn(spec, ","), suffix = strlen(VIRTIO_PCI_SUFFIX);

	return len > suffix && !strncmp(spec + len - suffix, VIRTIO_PCI_SUFFIX, suffix);
}

int virtio_pci_new(struct dev **out, const char *spec, const struct dev_env *env, struct err *err)
{
	size_t len = strcspn(spec, ","), suffix = strlen(VIRTIO_PCI_SUFFIX);
	const struct dev_class *model;
	char name[32];

	*out = NULL;
	if (!virtio_pci_is_spec(spec) || len - suffix >= sizeof(name))
		return err_set(err, -EINVAL, "device '%.40s': no CLASS%s", spec, VIRTIO_PCI_SUFFIX);
	(void)snprintf(name, sizeof(name), "%.*s", (int)(len - suffix), spec);
	model = dev_class_find(name);
	if (!model)
		return err_set(err, -ENOENT, "device '%.40s': no class %s to be had over PCI", spec,
			       name);
	if (spec[len] == ',' && !spec[len + 1])
		return err_set(err, -EINVAL, "device %s: no option follows the comma: drop it",
			       name);
	return virtio_pci_new_class(out, model, spec[len] ? spec + len + 1 : NULL, env, err);
}
