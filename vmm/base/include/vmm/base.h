/* SPDX-License-Identifier: MIT */
/*
 * base: what every other module stands on: errors, a log sink, checked arithmetic, little-endian
 * access, a hash, a random generator, bounded text buffers, files.
 *
 * Guarantees: no mutable file-scope state, nothing printed, no exit. Every function is safe to
 * call from two threads on different objects.
 * The caller promises: pointers are valid unless "may be NULL" is said.
 * Who frees: whoever called the _init/_read function, with the function named beside it.
 */
#ifndef VMM_BASE_H
#define VMM_BASE_H

#include <endian.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a)			(sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* ---- errors ------------------------------------------------------------------------------ */

#define ERR_MAX 240 /* bytes of a message with its NUL */

/* What went wrong, for a person: what, where, why, what to do. One line, no newline at its end. */
struct err {
	int code; /* a negative errno, or 0: nothing was said yet */
	char msg[ERR_MAX];
};

/*
 * Fill in (err) and return (code), so that `return err_set(err, -EINVAL, "...")` is the idiom.
 * (code) is a negative errno. (err) may be NULL. A message too long is cut; a control character
 * in it (it may quote hostile text) becomes '?'. An argument may be the old err->msg.
 */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Put "fmt: " in front of the message that (err) holds; code and return value stay (err)->code.
 * With a NULL (err) the code is not known here: the return value is then -EINVAL, so where that
 * matters keep the code that the failed call returned.
 */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- log --------------------------------------------------------------------------------- */

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Where a module's remarks go. A value; the sink's owner outlives all who were given it. */
struct log {
	void (*put)(void *ctx, enum log_level level, const char *msg); /* NULL drops everything */
	void *ctx;
};

/* (log) may be NULL. A remark is cut after LOG_MAX - 1 bytes and cleaned as err_set() does. */
#define LOG_MAX 512
void log_put(const struct log *log, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- checked arithmetic ------------------------------------------------------------------- */

/* True when a + b (a * b) does not fit; *res is then the wrapped value. */
static inline bool add_wraps(uint64_t a, uint64_t b, uint64_t *res)
{
	return __builtin_add_overflow(a, b, res);
}

static inline bool mul_wraps(uint64_t a, uint64_t b, uint64_t *res)
{
	return __builtin_mul_overflow(a, b, res);
}

/* True when [addr, addr + len) lies wholly in [base, base + size). Never wraps. len may be 0. */
static inline bool range_within(uint64_t addr, uint64_t len, uint64_t base, uint64_t size)
{
	return addr >= base && addr - base <= size && len <= size - (addr - base);
}

/* True when [a, a + alen) and [b, b + blen) share a byte; neither may wrap. */
static inline bool range_overlaps(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
	return alen && blen && a - b < blen ? true : (alen && blen && b - a < alen);
}

/* Wraps to 0 above the last multiple below 2^64: check first where (v) may be hostile. */
static inline uint64_t align_up(uint64_t v, uint64_t pow2)
{
	return (v + pow2 - 1) & ~(pow2 - 1);
}

static inline uint64_t align_down(uint64_t v, uint64_t pow2)
{
	return v & ~(pow2 - 1);
}

/* All ones in the low (size) bytes; size is 1 to 8. */
static inline uint64_t size_mask(unsigned size)
{
	return size >= 8 ? ~0ull : (1ull << (8 * size)) - 1;
}

/* ---- little- and big-endian access, any alignment ------------------------------------------- */

/*
 * ld_le16(p), st_le16(p, v), and so with 32, 64 and be: by memcpy, one load or store even where a
 * sanitizer looks at each.
 */
#define BASE_ACCESS(order, bits)                                                                   \
	static inline uint##bits##_t ld_##order##bits(const void *p)                               \
	{                                                                                          \
		uint##bits##_t v;                                                                  \
                                                                                                   \
		memcpy(&v, p, sizeof(v));                                                          \
		return order##bits##toh(v);                                                        \
	}                                                                                          \
	static inline void st_##order##bits(void *p, uint##bits##_t v)                             \
	{                                                                                          \
		v = hto##order##bits(v);                                                           \
		memcpy(p, &v, sizeof(v));                                                          \
	}
BASE_ACCESS(le, 16)
BASE_ACCESS(le, 32)
BASE_ACCESS(le, 64)
BASE_ACCESS(be, 16)
BASE_ACCESS(be, 32)
BASE_ACCESS(be, 64)
#undef BASE_ACCESS

/* Load or store (size) bytes, 1 to 8, any count in between too. */
static inline uint64_t ld_le(const void *p, unsigned size)
{
	const uint8_t *b = p;
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)b[i] << (8 * i);
	return v;
}

static inline void st_le(void *p, unsigned size, uint64_t v)
{
	uint8_t *b = p;

	for (unsigned i = 0; i < size; i++)
		b[i] = (uint8_t)(v >> (8 * i));
}

/* ---- hash and random numbers ---------------------------------------------------------------- */

/*
 * XXH64 of (len) bytes at (p) with (seed): the hash behind every state hash, golden and cache key.
 * Chain pieces by passing the last result as the next seed. Same value on every host.
 */
uint64_t hash64(uint64_t seed, const void *p, size_t len);

/* splitmix64: the seeded generator behind everything that is random on purpose. */
struct rng {
	uint64_t s;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = (r->s += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* ---- text ------------------------------------------------------------------------------------ */

/*
 * A growing, always NUL-terminated byte buffer. Start from `struct buf b = { 0 }` and end with
 * buf_free(). When memory runs out or (max) is passed, `failed` stays set and further puts do
 * nothing: check it once, at the end. p is NULL until something was put: use buf_str().
 */
struct buf {
	char *p;
	size_t len, cap;
	size_t max; /* bytes; 0: BUF_MAX */
	bool failed;
};

#define BUF_MAX ((size_t)64 << 20)

void buf_put(struct buf *b, const void *p, size_t len);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; bytes that are not UTF-8 text become \u00XX. */
void buf_put_json(struct buf *b, const char *s, size_t len);
const char *buf_str(const struct buf *b);
void buf_free(struct buf *b);

/*
 * A whole string as a number: decimal or 0x hex, then at most one unit: K, M, G, T or KiB, MiB,
 * GiB, TiB, powers of 1024. No sign, no blanks. 0, or -EINVAL (not a number; *out is left alone),
 * -ERANGE (over 64 bits, likewise).
 */
int parse_u64(const char *s, uint64_t *out);

/* ---- files ------------------------------------------------------------------------------- */

/*
 * Read a whole regular file, at most (max) bytes, into *buf (free() it; one NUL byte follows the
 * data and is not counted). -ENOENT, -EISDIR, -EFBIG (over max), -EINVAL (not a regular file),
 * -ENOMEM, -EIO, -EACCES and other of the kernel's; the message names the path. Never waits.
 */
int file_read(const char *path, uint64_t max, void **buf, size_t *len, struct err *err);

/*
 * Write to a temporary name in the same folder and rename: the file is whole, or as it was before.
 * A link is followed; what is no regular file (a terminal, a pipe) is written to, never replaced.
 */
int file_write(const char *path, const void *buf, size_t len, struct err *err);

/* mkdir -p. 0 if it is there already. */
int file_mkdirs(const char *path, struct err *err);

#endif
