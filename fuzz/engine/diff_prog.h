/* SPDX-License-Identifier: MIT */
/*
 * diff_prog: the records that an input of fuzz/targets/soft_diff.c is made of: a byte DIFF_*, two of
 * the form (modulo their number), four of the case's number, one of the overlay: bits 0-5 turn flags
 * over; bits 0-3 name the register that gets another value.
 */
#ifndef FUZZ_ENGINE_DIFF_PROG_H
#define FUZZ_ENGINE_DIFF_PROG_H

#define DIFF_RECORD 8u
#define DIFF_CASES  16u

/* Bits 0-1 of the first byte; bits 2-3: 64, 32 or 16 bits, for sequences and bytes. */
enum diff_kind { DIFF_FORM, DIFF_SEQUENCE, DIFF_BYTES, DIFF_OVERLAID };
#define DIFF_VECTOR 0x10u /* of an overlay: an XMM register */

#endif
