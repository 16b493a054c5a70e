/* SPDX-License-Identifier: MIT */
/* Which pages hold something: the walk that snapshots and the hash go by. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gmem_priv.h"

/* Memory up to so many pages is looked at directly: asking the kernel costs more. */
#define WALK_DIRECT 64

/* /proc/PID/pagemap, a word a page (Linux, admin-guide/mm/pagemap) */
#define PM_PRESENT (1ull << 63)
#define PM_SWAPPED (1ull << 62)
#define PM_READ	   512 /* words a read */

/* PAGEMAP_SCAN on the same file, from Linux 6.7 on; older <linux/fs.h> do not have it. */
struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

struct scan_region {
	uint64_t start, end, categories;
};

/* MemorySanitizer does not know what this writes. */
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define WRITTEN_BY_KERNEL(p, len) __msan_unpoison(p, len)
#endif
#endif
#ifndef WRITTEN_BY_KERNEL
#define WRITTEN_BY_KERNEL(p, len) ((void)0)
#endif

#define SCAN_IOCTL   _IOWR('f', 16, struct scan_arg)
#define SCAN_PRESENT (1ull << 3)
#define SCAN_SWAPPED (1ull << 4)

bool gmem_page_is_zero(const uint8_t *p)
{
	uint64_t first;

	memcpy(&first, p, sizeof(first));
	/* Zero at the front, and each byte equal to the one eight before it. */
	return !first && !memcmp(p, p + sizeof(first), GMEM_PAGE - sizeof(first));
}

void gmem_walk_begin(struct walk *w, const uint8_t *host, uint64_t pages)
{
	w->host = host;
	w->pages = pages;
	w->asked = 0;
	w->n = w->at = 0;
	w->scan = true;
	w->fd = -1;
	if (pages > WALK_DIRECT)
		w->fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

/* Fill in runs by PAGEMAP_SCAN; false: not with this kernel. */
static bool ask_scan(struct walk *w)
{
	struct scan_region found[ARRAY_SIZE(w->runs)];
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = (uintptr_t)w->host + (w->asked << GMEM_SHIFT),
		.end = (uintptr_t)w->host + (w->pages << GMEM_SHIFT),
		.vec = (uintptr_t)found,
		.vec_len = ARRAY_SIZE(found),
		.category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
		.return_mask = SCAN_PRESENT | SCAN_SWAPPED,
	};
	int n = ioctl(w->fd, SCAN_IOCTL, &arg);

	if (n < 0 || arg.walk_end <= arg.start)
		return false;
	WRITTEN_BY_KERNEL(found, sizeof(found));
	for (w->n = 0; w->n < (unsigned)n; w->n++) {
		w->runs[w->n].from = (found[w->n].start - (uintptr_t)w->host) >> GMEM_SHIFT;
		w->runs[w->n].to = (found[w->n].end - (uintptr_t)w->host) >> GMEM_SHIFT;
	}
	w->asked = (arg.walk_end - (uintptr_t)w->host) >> GMEM_SHIFT;
	return true;
}

/* Fill in runs by reading the page map; false: it can't be read. */
static bool ask_read(struct walk *w)
{
	uint64_t map[PM_READ], want = w->pages - w->asked, got;
	off_t at = (off_t)(((uintptr_t)w->host / GMEM_PAGE + w->asked) * sizeof(map[0]));
	ssize_t bytes;

	if (want > PM_READ)
		want = PM_READ;
	bytes = pread(w->fd, map, want * sizeof(map[0]), at);
	got = bytes > 0 ? (uint64_t)bytes / sizeof(map[0]) : 0;
	w->n = 0;
	for (uint64_t i = 0; i < got; i++, w->asked++) {
		if (!(map[i] & (PM_PRESENT | PM_SWAPPED)))
			continue;
		if (w->n && w->runs[w->n - 1].to == w->asked)
			w->runs[w->n - 1].to++;
		else if (w->n == ARRAY_SIZE(w->runs))
			break;
		else
			w->runs[w->n++] = (struct walk_run){w->asked, w->asked + 1};
	}
	return got;
}

/* Ask about the pages from w->asked on; where nobody answers they are all one run. */
static void ask(struct walk *w)
{
	w->at = 0;
	if (w->fd >= 0 && w->scan) {
		if (ask_scan(w))
			return;
		w->scan = false;
	}
	if (w->fd >= 0) {
		if (ask_read(w))
			return;
		gmem_walk_end(w);
	}
	w->n = 1;
	w->runs[0] = (struct walk_run){w->asked, w->pages};
	w->asked = w->pages;
}

bool gmem_walk_next(struct walk *w, uint64_t *page)
{
	struct walk_run *run;

	while (w->at == w->n) {
		if (w->asked >= w->pages)
			return false;
		ask(w);
	}
	run = &w->runs[w->at];
	*page = run->from++;
	if (run->from == run->to)
		w->at++;
	return true;
}

void gmem_walk_end(struct walk *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}
