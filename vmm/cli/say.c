/* SPDX-License-Identifier: MIT */
/* What all subcommands use: a failure said in one line, and being told to stop. */
#include "cli.h"

volatile sig_atomic_t cli_stop;

static void on_stop(int sig)
{
	(void)sig;
	cli_stop = 1;
}

void cli_catch_stop(void)
{
	struct sigaction sa = {.sa_handler = on_stop};

	sigemptyset(&sa.sa_mask);
	/* No SA_RESTART: what waits shall wake up. A second one ends the process. */
	sa.sa_flags = (int)SA_RESETHAND;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

int cli_fail(int status, const char *fmt, ...)
{
	struct err e;
	char text[sizeof(e.msg)];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	err_set(&e, -1, "%s", text);
	fflush(stdout);
	fprintf(stderr, "vise: %s\n", e.msg);
	return status;
}
