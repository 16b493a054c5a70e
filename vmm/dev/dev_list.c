/* SPDX-License-Identifier: MIT */
/* All classes: the Makefile makes dev_list.h, a line DEV(name), from the files in models/. */
#include <vmm/dev.h>

#define DEV(name) extern const struct dev_class dev_class_##name;
#include "dev_list.h"
#undef DEV

const struct dev_class *const dev_classes[] = {
#define DEV(name) &dev_class_##name,
#include "dev_list.h"
#undef DEV
	NULL,
};
