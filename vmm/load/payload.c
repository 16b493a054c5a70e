/* SPDX-License-Identifier: MIT */
/*
 * load: the kernel that is packed in a bzImage. The payload is one compressed stream and then, for
 * every compression but gzip (which ends in it by itself), the length that it unpacks to, in 32 bits.
 * What comes out is the vmlinux as ELF, after which there may be tables that only a kernel which is
 * moved needs.
 */
#include <stdlib.h>

#include "load_priv.h"

#define TRAILER 4u /* bytes of the length */

static int failed(struct load_plan *p, int rc)
{
	if (rc == -ENOTSUP)
		err_set(p->err, rc, "%s; or boot by way of 'guest'", p->err ? p->err->msg : "");
	(void)err_prefix(p->err, "bzImage: payload");
	return rc;
}

static int unpack_all(struct load_plan *p, enum unpack_format f, const uint8_t *in, size_t len,
		      size_t want)
{
	size_t made, used;
	int rc;

	p->unpacked = malloc(want);
	if (!p->unpacked)
		return err_set(p->err, -ENOMEM,
			       "bzImage: payload: no memory for the 0x%zx bytes it unpacks to",
			       want);
	rc = unpack(f, in, len - (f == UNPACK_GZIP ? 0 : TRAILER), p->unpacked, want, &made, &used,
		    p->err);
	if (rc)
		return failed(p, rc);
	if (made != want)
		return err_set(
			p->err, -ENOEXEC,
			"bzImage: payload: %s unpacks to 0x%zx bytes, its length says 0x%zx: "
			"a damaged file?",
			unpack_name(f), made, want);
	p->elf = (struct load_blob){p->unpacked, made, NULL};
	return 0;
}

int load_payload(struct load_plan *p, const struct bzimage *k)
{
	const uint8_t *in = (const uint8_t *)p->req->image.data + k->payload;
	size_t len = k->payload_len, want;
	enum unpack_format f = unpack_detect(in, len);

	/* a kernel may be stored as it is */
	if (load_is_elf(in, len)) {
		p->elf = (struct load_blob){in, len, NULL};
		return 0;
	}
	if (f == UNPACK_NONE || len <= TRAILER)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: payload: no compression that is known: a damaged file? "
			       "else boot by way of 'guest'");
	want = ld_le32(in + len - TRAILER);
	if (want > gmem_ram_size(p->mem))
		return err_set(p->err, -E2BIG,
			       "bzImage: payload: its length says that %s unpacks to 0x%zx bytes, "
			       "RAM has 0x%llx: give more memory",
			       unpack_name(f), want, (unsigned long long)gmem_ram_size(p->mem));
	if (!want)
		return err_set(p->err, -ENOEXEC,
			       "bzImage: payload: its length says 0: a damaged file?");
	return unpack_all(p, f, in, len, want);
}
