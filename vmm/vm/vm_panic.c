/* SPDX-License-Identifier: MIT */
/*
 * vm: a Linux kernel that panics says so on the serial port and then resets the machine, or spins for
 * ever: the lines it prints for that are told apart here, as they are sent, so that the run can end.
 */
#include <stdio.h>

#include "vm_priv.h"

static const char says[] = "Kernel panic - not syncing: ";
/* The last line, and only of a kernel that does not reboot (kernel/panic.c). */
static const char stays[] = "---[ end Kernel panic";

static void line_ends(struct vm *vm)
{
	struct vm_run_state *r = &vm->r;
	const char *at;

	r->line[r->line_len] = '\0';
	at = strstr(r->line, says);
	if (strstr(r->line, stays))
		vm->pending |= VM_P_PANIC;
	else if (at && !r->panic[0])
		(void)snprintf(r->panic, sizeof(r->panic), "%s", at);
	r->line_len = 0;
}

void vm_hear_serial(void *ctx, const void *p, size_t len)
{
	struct vm *vm = ctx;
	struct vm_run_state *r = &vm->r;
	const char *s = p;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\n' || s[i] == '\r')
			line_ends(vm);
		else if (s[i] >= ' ' && r->line_len < sizeof(r->line) - 1)
			r->line[r->line_len++] = s[i];
	}
	if (vm->tee)
		vm->tee(vm->tee_ctx, p, len);
}

void vm_add_panic(struct vm *vm, char *reason, size_t len)
{
	size_t used = strlen(reason);

	if (vm->r.panic[0])
		(void)snprintf(reason + used, len - used, "; it said: %s", vm->r.panic);
}
