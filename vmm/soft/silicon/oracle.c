/* SPDX-License-Identifier: MIT */
/* silicon: the parent's side of the child: memory they share, batches, a new child for a lost one. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "silicon.h"

/* A batch of 128 cases that all run into the timer's second tick (20 ms) takes 3 seconds. */
#define BATCH_MS 20000

static int start(struct sil *o, int code_fd, struct err *err)
{
	int to[2], from[2];

	if (pipe(to))
		return err_set(err, -errno, "silicon: pipe: %s", strerror(errno));
	if (pipe(from)) {
		close(to[0]);
		close(to[1]);
		return err_set(err, -errno, "silicon: pipe: %s", strerror(errno));
	}
	fflush(NULL);
	o->pid = fork();
	if (o->pid == 0) {
		close(to[1]);
		close(from[0]);
		sil_child_main(o->sh, code_fd, to[0], from[1], o->has16);
	}
	close(to[0]);
	close(from[1]);
	o->to = to[1];
	o->from = from[0];
	if (o->pid < 0)
		return err_set(err, -errno, "silicon: fork: %s", strerror(errno));
	return 0;
}

static void stop(struct sil *o)
{
	if (o->to >= 0)
		close(o->to);
	if (o->from >= 0)
		close(o->from);
	o->to = o->from = -1;
	if (o->pid > 0) {
		kill(o->pid, SIGKILL);
		waitpid(o->pid, NULL, 0);
	}
	o->pid = -1;
}

/* May this process have 16-bit segments? Asked in a child, which then has the LDT and we have not. */
static bool try16(struct sil *o)
{
	int status = 0, pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(sil_child_try16() ? 0 : 1);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	snprintf(o->no16, sizeof(o->no16), "modify_ldt is refused by the kernel");
	return false;
}

static int share(struct sil *o, struct err *err)
{
	o->sh = mmap(NULL, sizeof(*o->sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (o->sh == MAP_FAILED) {
		o->sh = NULL;
		return err_set(err, -ENOMEM, "silicon: no memory to share");
	}
	o->code_fd = memfd_create("silicon", MFD_CLOEXEC);
	if (o->code_fd < 0 || ftruncate(o->code_fd, (off_t)SIL_SLOTS * 0x1000))
		return err_set(err, -errno, "silicon: memfd: %s", strerror(errno));
	return 0;
}

int sil_open(struct sil *o, uint64_t seed, struct err *err)
{
	struct rng r = {seed};
	const char *why;
	int rc;

	memset(o, 0, sizeof(*o));
	o->pid = o->to = o->from = o->code_fd = -1;
	if (!sil_child_possible(&why))
		return err_set(err, -ENOTSUP, "silicon: %s", why);
	rc = share(o, err);
	if (rc) {
		sil_close(o);
		return rc;
	}
	for (size_t i = 0; i < SIL_RW_SIZE; i += 16)
		sil_val_vec(&r, o->sh->rw + i);
	for (size_t i = 0; i < SIL_RO_SIZE; i += 16)
		sil_val_vec(&r, o->sh->ro + i);
	o->has16 = try16(o);
	rc = start(o, o->code_fd, err);
	if (!rc) /* An empty batch shows whether the child came up. */
		rc = sil_run(o, 0, err);
	if (!rc && o->lost)
		rc = err_set(err, -ENOTSUP, "silicon: the sandbox is refused here");
	if (rc)
		sil_close(o);
	return rc;
}

void sil_close(struct sil *o)
{
	stop(o);
	if (o->sh)
		munmap(o->sh, sizeof(*o->sh));
	if (o->code_fd >= 0)
		close(o->code_fd);
	o->sh = NULL;
	o->code_fd = -1;
}

/* True: the batch is done. False: the child is lost. */
static bool batch(struct sil *o)
{
	struct pollfd p = {.fd = o->from, .events = POLLIN};
	uint8_t byte = 1;
	int n;

	if (write(o->to, &byte, 1) != 1)
		return false;
	do
		n = poll(&p, 1, BATCH_MS);
	while (n < 0 && errno == EINTR);
	return n == 1 && read(o->from, &byte, 1) == 1;
}

int sil_run(struct sil *o, unsigned n, struct err *err)
{
	struct sigaction ign = {.sa_handler = SIG_IGN}, old;
	int rc = 0;

	sigaction(SIGPIPE, &ign, &old);
	o->sh->first = 0;
	o->sh->count = n;
	o->sh->cur = 0;
	while (!rc && !batch(o)) {
		unsigned cur = o->sh->cur;

		stop(o);
		o->lost++;
		rc = start(o, o->code_fd, err);
		if (!n)
			break;
		memset(&o->sh->results[cur], 0, sizeof(o->sh->results[cur]));
		o->sh->results[cur].vector = SIL_LOST;
		o->sh->first = o->sh->cur = cur + 1;
		if (o->sh->first >= n)
			break;
	}
	sigaction(SIGPIPE, &old, NULL);
	return rc;
}
