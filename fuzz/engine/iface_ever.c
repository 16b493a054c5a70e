/* SPDX-License-Identifier: MIT */
/* iface_ever: the memory for it, and the file. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "iface_ever.h"

static uint8_t own[IFACE_EVER];
uint8_t *fuzz_iface_ever = own;

/* Before main: AFL++'s children have it from the process they are made of. A file that cannot be had
 * is no reason to fuzz less. */
__attribute__((constructor)) static void watched(void)
{
	const char *path = getenv("VISE_IFACE");
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
	void *p;

	if (fd < 0)
		return;
	if (!ftruncate(fd, IFACE_EVER)) {
		p = mmap(NULL, IFACE_EVER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED)
			fuzz_iface_ever = p;
	}
	close(fd);
}
