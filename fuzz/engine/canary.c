/* SPDX-License-Identifier: MIT */
/*
 * canary: what a planted bug of fuzz/bugs says about itself. The patch calls vise_canary() where its
 * bug is: the first call says that the place was reached, the first with (hit) that what it gets
 * wrong was asked of it. Each is one line in the file that VISE_CANARY names: the bug, "reached" or
 * "triggered", CPU seconds of the process so far. Whether it was detected is for an oracle to say.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "oracle.h"

void vise_canary(const char *bug, int hit);

FUZZ_BARE void vise_canary(const char *bug, int hit)
{
	static int said[2];
	struct timespec t = {0};
	const char *path;
	char line[96];
	int fd, n;

	if (hit && !said[0])
		vise_canary(bug, 0);
	hit = !!hit;
	if (said[hit])
		return;
	said[hit] = 1;
	path = getenv("VISE_CANARY");
	if (!path)
		return;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	n = snprintf(line, sizeof(line), "%.40s %s %lld.%03ld\n", bug,
		     hit ? "triggered" : "reached", (long long)t.tv_sec, t.tv_nsec / 1000000);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		return;
	if (write(fd, line, (size_t)n) != n)
		perror(path);
	close(fd);
}
