/* SPDX-License-Identifier: MIT */
/*
 * load: is an initramfs whole? The kernel would only say that it is not long after, if at all. Linux
 * Documentation/driver-api/early-userspace/buffer-format.rst: cpio archives in the "newc" format,
 * compressed ones, and zeroes, one after the other.
 */
#include <stdlib.h>

#include "load_priv.h"

#define CPIO_HEADER 110u /* a magic number of 6 digits, 13 fields of 8 */
#define CPIO_DIGITS 8u
enum cpio_field { CPIO_FILESIZE = 6, CPIO_NAMESIZE = 11 };

struct walk {
	const uint8_t *p;
	size_t len, at;
	struct err *err;
};

/* The kernel takes an archive only where its offset is a multiple of 4. */
static bool is_cpio(const struct walk *w)
{
	const uint8_t *p = w->p + w->at;

	return !(w->at & 3) && w->len - w->at >= 6 && !memcmp(p, "07070", 5) &&
	       (p[5] == '1' || p[5] == '2');
}

static int cut(struct walk *w, const char *what)
{
	return err_set(
		w->err, -ENOEXEC,
		"cpio archive: %s at 0x%zx goes past the end at 0x%zx: the file is cut short", what,
		w->at, w->len);
}

static bool get_field(const uint8_t *header, enum cpio_field n, uint64_t *v)
{
	const uint8_t *p = header + 6 + (size_t)n * CPIO_DIGITS;

	*v = 0;
	for (unsigned i = 0; i < CPIO_DIGITS; i++) {
		unsigned c = p[i], digit = c - '0';

		if (digit > 9)
			digit = (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : 16;
		if (digit > 15)
			return false;
		*v = *v << 4 | digit;
	}
	return true;
}

/* One file: header and name, then its contents, both padded to 4 bytes. */
static int walk_file(struct walk *w)
{
	uint64_t name, size, end;

	if (w->len - w->at < CPIO_HEADER)
		return cut(w, "a file's header");
	if (!get_field(w->p + w->at, CPIO_NAMESIZE, &name) ||
	    !get_field(w->p + w->at, CPIO_FILESIZE, &size) || !name)
		return err_set(w->err, -ENOEXEC,
			       "cpio archive: the header at 0x%zx has a size that is no number: it "
			       "is damaged",
			       w->at);
	/* at most 2^33 and the file's length: cannot wrap */
	end = w->at + CPIO_HEADER + name;
	if (end > w->len)
		return cut(w, "a file's name");
	if (w->p[end - 1])
		return err_set(w->err, -ENOEXEC,
			       "cpio archive: the name of the file at 0x%zx does not end: it is "
			       "damaged",
			       w->at);
	end = align_up(end, 4) + size;
	if (end > w->len)
		return cut(w, "a file's contents");
	w->at = align_up(end, 4) < w->len ? align_up(end, 4) : w->len;
	return 0;
}

/* What is in a compressed piece: archives alone. */
static int walk_archives(struct walk *w)
{
	int rc = 0;

	while (!rc && w->at < w->len) {
		if (!w->p[w->at])
			w->at++;
		else if (is_cpio(w))
			rc = walk_file(w);
		else
			return err_set(w->err, -ENOEXEC,
				       "cpio archive: no header at 0x%zx but other bytes: it is "
				       "damaged or cut short",
				       w->at);
	}
	return rc;
}

static int walk_packed(struct walk *w, enum unpack_format f, uint64_t max)
{
	struct walk in = {.err = w->err};
	size_t used;
	uint8_t *out;
	int rc;

	if (max > SIZE_MAX / 2)
		max = SIZE_MAX / 2;
	out = malloc(max ? max : 1);
	if (!out)
		return err_set(w->err, -ENOMEM, "no memory to unpack it in");
	rc = unpack(f, w->p + w->at, w->len - w->at, out, max, &in.len, &used, w->err);
	if (!rc) {
		in.p = out;
		rc = walk_archives(&in);
		if (rc)
			(void)err_prefix(w->err, "%s", unpack_name(f));
	}
	free(out);
	w->at += used;
	return rc;
}

int load_check_initramfs(const void *p, size_t len, uint64_t max, struct err *err)
{
	struct walk w = {p, len, 0, err};
	bool known = false;
	int rc = 0;

	while (!rc && w.at < len) {
		enum unpack_format f;

		if (!w.p[w.at]) {
			w.at++;
			continue;
		}
		f = unpack_detect(w.p + w.at, len - w.at);
		if (is_cpio(&w))
			rc = walk_file(&w);
		else if (f != UNPACK_NONE && !unpack_has(f))
			return 0; /* nobody here can look into it */
		else if (f != UNPACK_NONE)
			rc = walk_packed(&w, f, max);
		else if (!known)
			return 0; /* something else, which is the guest's own affair */
		else
			return err_set(err, -ENOEXEC,
				       "at 0x%zx is neither an archive nor anything compressed: it "
				       "is damaged or cut short",
				       w.at);
		known = true;
	}
	return rc;
}
