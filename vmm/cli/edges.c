/* SPDX-License-Identifier: MIT */
/* The edges that a guest took: a table for the software CPU, and the sorted list of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmm/soft.h>

#include "edges.h"

#define EDGES (1u << 20) /* 32 MiB, of which what is used takes memory */

struct cli_edges {
	struct soft *soft;
	struct soft_edges e;
};

int cli_edges_new(struct cli_edges **out, struct vm *vm, struct err *err)
{
	struct soft *soft = cpu_soft(vm_cpu(vm));
	struct cli_edges *c;

	*out = NULL;
	if (!soft)
		return err_set(err, -ENOTSUP, "--edges: only --cpu soft counts edges");
	c = calloc(1, sizeof(*c));
	if (c)
		c->e.table = calloc(EDGES, sizeof(*c->e.table));
	if (!c || !c->e.table) {
		free(c);
		return err_set(err, -ENOMEM, "--edges: no memory");
	}
	c->soft = soft;
	c->e.nr = EDGES;
	c->e.len = UINT64_MAX;
	soft_count_edges(soft, &c->e);
	*out = c;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct soft_edge *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x->to > y->to) - (x->to < y->to);
}

int cli_edges_write(struct cli_edges *c, const char *path, struct err *err)
{
	size_t n = 0;
	FILE *f;
	bool bad;

	/* The table is of no use to the CPU once it is sorted. */
	soft_count_edges(c->soft, NULL);
	for (size_t i = 0; i < c->e.nr; i++)
		if (c->e.table[i].count)
			c->e.table[n++] = c->e.table[i];
	c->e.nr = 0;
	qsort(c->e.table, n, sizeof(*c->e.table), by_place);
	f = fopen(path, "w");
	if (!f)
		return err_set(err, -errno, "--edges: cannot write %s: %s", path, strerror(errno));
	for (size_t i = 0; i < n; i++)
		fprintf(f, "0x%" PRIx64 " 0x%" PRIx64 " %" PRIu64 "\n", c->e.table[i].from,
			c->e.table[i].to, c->e.table[i].count);
	if (c->e.lost)
		fprintf(f, "lost %" PRIu64 "\n", c->e.lost);
	bad = ferror(f);
	bad |= fclose(f) != 0;
	return bad ? err_set(err, -EIO, "--edges: cannot write %s", path) : 0;
}

void cli_edges_free(struct cli_edges *c)
{
	if (!c)
		return;
	soft_count_edges(c->soft, NULL);
	free(c->e.table);
	free(c);
}
