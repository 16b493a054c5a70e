/* SPDX-License-Identifier: MIT */
/* soft: exchanges; no guard: included with SOFT_OP defined. */
SOFT_OP(XCHG, soft_op_xchg)
SOFT_OP(XADD, soft_op_xadd)
SOFT_OP(CMPXCHG, soft_op_cmpxchg)
SOFT_OP(CMPXCHG8B, soft_op_cmpxchg8b)
SOFT_OP(CMPXCHG16B, soft_op_cmpxchg16b)
