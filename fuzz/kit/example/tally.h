/* SPDX-License-Identifier: MIT */
/* tally: a device that exists for this example: what its two forms, tally.c and lifted.c, share. */
#ifndef TALLY_H
#define TALLY_H

/* A request: this header, 8 bytes little-endian, then data; the answer goes to what is writable. */
#define TALLY_HEADER 8u
#define TALLY_OP     0u /* one byte, enum tally_op */
#define TALLY_OFF    2u /* two bytes, of TALLY_PICK */
#define TALLY_LEN    4u /* four bytes: how much of the data, or of the table */
enum tally_op {
	TALLY_SUM = 1,	/* the sum of the data's bytes, 4 bytes */
	TALLY_COPY = 2, /* the data itself */
	TALLY_PICK = 3, /* LEN bytes of the table from OFF on */
};
#define TALLY_DATA   64u /* bytes of data that count */
#define TALLY_TABLE  64u
#define TALLY_CONFIG 13u /* bytes of configuration */

/* A bug of BUG=n is put in; without it 0, the device as it should be. */
#ifndef BUG
#define BUG 0
#endif

#endif
