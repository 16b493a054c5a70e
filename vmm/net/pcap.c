/* SPDX-License-Identifier: MIT */
/* Capture files: the format of draft-ietf-opsawg-pcap. */
#include <errno.h>

#include <vmm/net.h>
#include <vmm/pcap.h>

#define MAGIC_MICRO   0xa1b2c3d4u
#define MAGIC_NANO    0xa1b23c4du
#define VERSION_MAJOR 2u
#define VERSION_MINOR 4u
#define LINK_TYPE     0x0fffffffu /* the bits above are of the frame check sequence */
#define NS_PER_S      1000000000ull
#define NS_PER_US     1000u

/* The file's header, and a record's. */
enum { H_MAGIC = 0, H_MAJOR = 4, H_MINOR = 6, H_SNAPLEN = 16, H_LINK = 20 };
enum { R_SEC = 0, R_FRACTION = 4, R_LEN = 8, R_ORIG = 12 };

static uint32_t get32(const struct pcap *c, size_t at)
{
	uint32_t v = ld_le32(c->p + at);

	return c->swapped ? __builtin_bswap32(v) : v;
}

int pcap_open(struct pcap *c, const void *p, size_t len, struct err *err)
{
	uint32_t magic, link;
	uint16_t major;

	*c = (struct pcap){.p = p, .len = len, .pos = PCAP_FILE_HEADER};
	if (len < PCAP_FILE_HEADER)
		return err_set(err, -EINVAL, "a capture of %zu bytes has no whole header", len);
	magic = get32(c, H_MAGIC);
	if (magic != MAGIC_MICRO && magic != MAGIC_NANO) {
		c->swapped = true;
		magic = get32(c, H_MAGIC);
	}
	if (magic != MAGIC_MICRO && magic != MAGIC_NANO)
		return err_set(err, -EINVAL,
			       "it does not begin as a capture of tcpdump's does (a pcapng one is "
			       "converted by editcap -F pcap)");
	c->nano = magic == MAGIC_NANO;
	major = ld_le16(c->p + H_MAJOR);
	if (c->swapped)
		major = __builtin_bswap16(major);
	if (major != VERSION_MAJOR)
		return err_set(err, -EINVAL, "a capture of version %u, not %u", major,
			       VERSION_MAJOR);
	c->snaplen = get32(c, H_SNAPLEN);
	link = get32(c, H_LINK) & LINK_TYPE;
	if (link != PCAP_ETHERNET)
		return err_set(err, -EINVAL, "a capture of link type %u, not of Ethernet (1)",
			       link);
	return 0;
}

int pcap_next(struct pcap *c, struct pcap_record *r, struct err *err)
{
	size_t left = c->len - c->pos;
	uint64_t ns;

	if (!left)
		return 0;
	if (left < PCAP_RECORD_HEADER)
		return err_set(err, -EINVAL, "record %llu at byte %zu has no whole header",
			       (unsigned long long)c->record, c->pos);
	ns = get32(c, c->pos + R_FRACTION);
	r->ns = get32(c, c->pos + R_SEC) * NS_PER_S + (c->nano ? ns : ns * NS_PER_US);
	r->len = get32(c, c->pos + R_LEN);
	r->orig = get32(c, c->pos + R_ORIG);
	if (r->len > left - PCAP_RECORD_HEADER)
		return err_set(
			err, -EINVAL, "record %llu at byte %zu is of %u bytes, and %zu are left",
			(unsigned long long)c->record, c->pos, r->len, left - PCAP_RECORD_HEADER);
	r->data = c->p + c->pos + PCAP_RECORD_HEADER;
	c->pos += PCAP_RECORD_HEADER + r->len;
	c->record++;
	return 1;
}

void pcap_put_header(uint8_t h[PCAP_FILE_HEADER], uint32_t snaplen)
{
	memset(h, 0, PCAP_FILE_HEADER);
	st_le32(h + H_MAGIC, MAGIC_NANO);
	st_le16(h + H_MAJOR, VERSION_MAJOR);
	st_le16(h + H_MINOR, VERSION_MINOR);
	st_le32(h + H_SNAPLEN, snaplen);
	st_le32(h + H_LINK, PCAP_ETHERNET);
}

void pcap_put_record(uint8_t h[PCAP_RECORD_HEADER], uint64_t ns, uint32_t len)
{
	st_le32(h + R_SEC, (uint32_t)(ns / NS_PER_S));
	st_le32(h + R_FRACTION, (uint32_t)(ns % NS_PER_S));
	st_le32(h + R_LEN, len);
	st_le32(h + R_ORIG, len);
}
