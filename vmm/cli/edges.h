/* SPDX-License-Identifier: MIT */
/* cli, private: the edges that a guest took, for `vise run --edges`. */
#ifndef CLI_EDGES_H
#define CLI_EDGES_H

#include <vmm/vm.h>

struct cli_edges;

/* Count them from now on. -ENOTSUP: the machine's CPU is not soft. */
int cli_edges_new(struct cli_edges **out, struct vm *vm, struct err *err);
/* "FROM TO COUNT" a line, hexadecimal and decimal, sorted by FROM and TO. -EIO */
int cli_edges_write(struct cli_edges *e, const char *path, struct err *err);
/* Before vm_free(). */
void cli_edges_free(struct cli_edges *e);

#endif
