/* SPDX-License-Identifier: MIT */
/* Where this program is, to be started again. */
#include <errno.h>
#include <unistd.h>

#include "cli.h"

int cli_self(char *out, size_t size, struct err *err)
{
	ssize_t n = readlink("/proc/self/exe", out, size - 1);

	if (n < 0)
		return err_set(err, -errno, "cannot find out which program this is");
	out[n] = '\0';
	return 0;
}
