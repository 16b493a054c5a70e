/* SPDX-License-Identifier: MIT */
/*
 * kit_wrap: what a device hands to Vise to be copied from or to is looked at here, by code that the
 * sanitizers see: the installed archives are plain builds. kit.mk has the linker's --wrap for each.
 */
#include <vmm/virtq.h>

int __real_gmem_read(struct gmem *g, uint64_t gpa, void *buf, uint64_t len);
int __wrap_gmem_read(struct gmem *g, uint64_t gpa, void *buf, uint64_t len);
int __real_gmem_write(struct gmem *g, uint64_t gpa, const void *buf, uint64_t len);
int __wrap_gmem_write(struct gmem *g, uint64_t gpa, const void *buf, uint64_t len);
int64_t __real_virtq_read(struct virtq *q, const struct virtq_chain *c, uint64_t off, void *buf,
			  uint64_t len);
int64_t __wrap_virtq_read(struct virtq *q, const struct virtq_chain *c, uint64_t off, void *buf,
			  uint64_t len);
int64_t __real_virtq_write(struct virtq *q, struct virtq_chain *c, uint64_t off, const void *buf,
			   uint64_t len);
int64_t __wrap_virtq_write(struct virtq *q, struct virtq_chain *c, uint64_t off, const void *buf,
			   uint64_t len);

void *__asan_region_is_poisoned(void *p, size_t len) __attribute__((weak));

/* The first byte that is no one's is read, so that the report says whose it nearly is. */
static void look(const void *buf, uint64_t len)
{
	const volatile uint8_t *bad = NULL;

	if (__asan_region_is_poisoned && len)
		bad = __asan_region_is_poisoned((void *)(uintptr_t)buf, len);
	if (bad)
		(void)*bad;
}

int __wrap_gmem_read(struct gmem *g, uint64_t gpa, void *buf, uint64_t len)
{
	int rc = __real_gmem_read(g, gpa, buf, len);

	/* Nothing is copied where the guest's part is not all there. */
	if (!rc)
		look(buf, len);
	return rc;
}

int __wrap_gmem_write(struct gmem *g, uint64_t gpa, const void *buf, uint64_t len)
{
	int rc = __real_gmem_write(g, gpa, buf, len);

	if (!rc)
		look(buf, len);
	return rc;
}

int64_t __wrap_virtq_read(struct virtq *q, const struct virtq_chain *c, uint64_t off, void *buf,
			  uint64_t len)
{
	int64_t n = __real_virtq_read(q, c, off, buf, len);

	if (n > 0)
		look(buf, (uint64_t)n);
	return n;
}

int64_t __wrap_virtq_write(struct virtq *q, struct virtq_chain *c, uint64_t off, const void *buf,
			   uint64_t len)
{
	int64_t n = __real_virtq_write(q, c, off, buf, len);

	if (n > 0)
		look(buf, (uint64_t)n);
	return n;
}
