/* SPDX-License-Identifier: MIT */
/*
 * Classes by name. Apart from dev.c, so that a program which names its classes itself (a fuzz target of
 * one device, a foreign device) is not linked with all models: a fuzzing engine looks at each of their
 * edges after every input.
 */
#include <errno.h>

#include <vmm/dev.h>

#define NAME_MAX_LEN 32

const struct dev_class *dev_class_find(const char *name)
{
	for (const struct dev_class *const *c = dev_classes; *c; c++) {
		if (!strcmp((*c)->name, name))
			return *c;
	}
	return NULL;
}

int dev_new(struct dev **out, const char *spec, const struct dev_env *env, struct err *err)
{
	size_t n = strcspn(spec, ",");
	char name[NAME_MAX_LEN] = "";
	const char *opts = spec + n;
	const struct dev_class *cls;
	struct err list = {0};

	*out = NULL;
	if (n < sizeof(name))
		memcpy(name, spec, n);
	cls = dev_class_find(name);
	if (cls && *opts && !opts[1])
		return err_set(err, -EINVAL, "device %s: no option follows the comma: drop it",
			       cls->name);
	if (cls)
		return dev_new_class(out, cls, *opts ? opts + 1 : NULL, env, err);
	for (const struct dev_class *const *c = dev_classes; *c; c++)
		err_set(&list, -ENOENT, "%s %s", list.msg, (*c)->name);
	return err_set(err, -ENOENT, "device '%.40s': no such class: there are%s", spec, list.msg);
}
