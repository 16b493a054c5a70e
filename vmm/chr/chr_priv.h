/* SPDX-License-Identifier: MIT */
/* chr, private: what is behind a chr that chr_open() made. */
#ifndef CHR_PRIV_H
#define CHR_PRIV_H

#include <sys/types.h>

#include <vmm/chr.h>

struct chr_back {
	int in, out;   /* -1: none */
	int keep;      /* one more to be closed: a pty's other side; -1 */
	bool own;      /* they are ours to close */
	bool blocking; /* out waits: write no more than has room */
	bool stalled; /* a peer has had its time: it is not waited for again until it takes something */
	char where[64];
	void *text; /* the input that is there from the start */
	struct input_source *source;
	/* a terminal in raw mode: who puts it back, and by which pipe it hears that it should */
	pid_t keeper;
	int keeper_fd;
};

void chr_back_put(struct chr *c, const void *p, size_t len);
void chr_back_free(struct chr *c);

/*
 * chr_tty.c: the terminal on (fd) goes to raw mode; a child of this process, which outlives it for that
 * moment, puts it back whenever our end of *pipe is closed: by chr_tty_restore() or by our end.
 */
int chr_tty_raw(int fd, int *pipe, pid_t *keeper, struct err *err);
void chr_tty_restore(int pipe, pid_t keeper);

#endif
