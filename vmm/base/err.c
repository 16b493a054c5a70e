/* SPDX-License-Identifier: MIT */
/* Error messages and the log sink. */
#include <errno.h>
#include <stdio.h>

#include <vmm/base.h>

/* Messages quote file names and guest text: nothing in them may break the line or the terminal. */
static void clean(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	}
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	char msg[ERR_MAX] = ""; /* apart: an argument may be err->msg itself */
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, ap) < 0)
		msg[0] = '\0';
	va_end(ap);
	clean(msg);
	memcpy(err->msg, msg, sizeof(msg));
	err->code = code;
	return code;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char msg[ERR_MAX];
	size_t used, rest;
	va_list ap;

	if (!err)
		return -EINVAL;
	va_start(ap, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, ap) < 0)
		msg[0] = '\0';
	va_end(ap);
	clean(msg);
	used = strlen(msg);
	for (const char *s = ": "; *s && used < sizeof(msg) - 1; s++)
		msg[used++] = *s;
	rest = strnlen(err->msg, ERR_MAX - 1);
	if (rest > sizeof(msg) - 1 - used)
		rest = sizeof(msg) - 1 - used;
	memcpy(msg + used, err->msg, rest);
	msg[used + rest] = '\0';
	memcpy(err->msg, msg, used + rest + 1);
	return err->code;
}

void log_put(const struct log *log, enum log_level level, const char *fmt, ...)
{
	char msg[LOG_MAX];
	va_list ap;

	if (!log || !log->put)
		return;
	va_start(ap, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, ap) < 0)
		msg[0] = '\0';
	va_end(ap);
	clean(msg);
	log->put(log->ctx, level, msg);
}
