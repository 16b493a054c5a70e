/* SPDX-License-Identifier: MIT */
/*
 * soft: all lists of operations. No guard: ops_table.c includes it twice, with SOFT_OP defined. A
 * mnemonic that no list has is #UD.
 */
#include "ops_int.h"
#include "ops_stack.h"
#include "ops_shift.h"
#include "ops_bit.h"
#include "ops_muldiv.h"
#include "ops_string.h"
#include "ops_io.h"
#include "ops_atomic.h"
#include "ops_bcd.h"
#include "ops_flow.h"
#include "ops_system.h"
#include "ops_x87.h"
#include "ops_mmx.h"
#include "ops_sse.h"
#include "ops_xsave.h"
